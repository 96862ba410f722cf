"""The frontier of a job: how far it may read now, and what it may claim after that."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from qupersync.domain.watermark import (
    DAY,
    Point,
    WatermarkType,
    Window,
    back,
    before,
    comparable,
    earliest,
    latest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Where a pass has read everything up to, and the watermark as it was then."""

    low: Point
    mark: Point | None

    def holds(self, stored: Point | None) -> bool:
        """Tell whether the watermark has not been put back since."""
        return self.mark is None or (stored is not None and not before(stored, self.mark))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """What a job may read now, from its stored watermark and the source's own clock.

    ``stored`` is None before the first run; ``initial`` is then an age, or a point.
    """

    type: WatermarkType
    stored: Point | None
    clock: datetime
    initial: timedelta | Point
    overlap: timedelta | int
    lag: timedelta

    @property
    def high(self) -> Point | None:
        """The exclusive bound: the clock less ``lag``; for dates a whole day; for numbers none."""
        match self.type:
            case WatermarkType.BIGINT:
                return None
            case WatermarkType.DATE:
                return (self.clock - self.lag).date() + DAY
            case _:
                return self.clock - self.lag

    @property
    def unlagged(self) -> "Frontier":
        """The same without ``lag``: up to what the source shows, though it is not read yet."""
        return replace(self, lag=timedelta())

    @property
    def claim(self) -> Point | None:
        """The watermark after everything below ``high`` is stored; today is read again tomorrow."""
        high = self.high
        if high is None or isinstance(high, datetime | int):
            return high
        return high - DAY

    def patience(self, max_hold: timedelta) -> Point:
        """Return the point behind which an unsettled row is not waited for."""
        moment = self.clock - self.lag - max_hold
        return moment.date() if self.type is WatermarkType.DATE else moment

    def window(self) -> Window:
        """Return ``[stored - overlap, high)``, or from ``initial`` before the first run."""
        low = self._first() if self.stored is None else back(self.stored, self.overlap)
        return Window(low, self.high)

    def from_initial(self) -> Window:
        """Return the window from ``initial`` or from the usual low, whichever is earlier.

        A window that began behind the watermark would move it over a hole.
        """
        first = self._first()
        low = first if self.stored is None else earliest(first, self.window().low)
        return Window(low, self.high)

    def extends(self, window: Window, joint: Joint | None) -> bool:
        """Tell whether the watermark may move over a window that was chosen by somebody.

        It may if nothing is left out between: the window begins where the next run would, or at
        the joint, up to which this pass has read everything; and if it ends further on.
        """
        if self.stored and window.high and not before(self.stored, window.high):
            return False
        usual = self.window().low
        if joint is not None and joint.holds(self.stored):
            usual = latest(usual, joint.low)
        return not before(usual, window.low)

    def late(self, reached: Point | None) -> Window | None:
        """Return where a new row is a late one: behind what was read, but inside the overlap.

        ``reached`` is the end of the last run's window. None if no run was, and for numbers.
        """
        if self.stored is None or isinstance(self.stored, int):
            return None
        if reached is not None and not isinstance(reached, datetime):
            reached = cast("Point", comparable(reached) - DAY)  # today is not over
        return Window(self.window().low, latest(reached, self.stored))

    def _first(self) -> Point:
        if not isinstance(self.initial, timedelta):
            return self.initial
        low = self.clock.replace(microsecond=0) - self.initial
        return low.date() if self.type is WatermarkType.DATE else low
