"""One attempt to run the job, and what the world says it had to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import Window
from tests.simulation.model import Stored
from tests.simulation.world import Setup


class Violation(AssertionError):  # noqa: N818 - it says what it is
    """A promise was broken."""


def require(holds: object, claim: str, *evidence: object) -> None:
    """Fail with the claim that does not hold, and with what shows it."""
    if not holds:
        raise Violation("; ".join([claim, *map(str, evidence)]))


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A run from its order to its end, of whatever kind; ``run`` is None if it was killed.

    ``clock`` is the source's as the run saw it, None if it never asked. ``chunk`` is the window
    of a backfill's piece. ``is_shared`` says that a rival ran in between, and ``overtaken`` is what
    was stored when it had taken the job over: all that this run may leave.
    """

    setup: Setup
    before: Stored
    target_clock: datetime
    from_initial: bool = False
    chunk: Window | None = None
    must_succeed: bool = False
    clock: datetime | None = None
    run: Run | None = None
    is_shared: bool = False
    overtaken: Stored | None = None

    @property
    def is_success(self) -> bool:
        return self.run is not None and self.run.status is Status.SUCCESS

    @property
    def has_read(self) -> bool:
        """Tell whether the run's clock gave it anything to read."""
        return self.clock is not None and bool(self.low < self.high)

    @property
    def is_due(self) -> bool:
        """Tell whether this was no piece of a backfill, and its clock had passed the watermark."""
        was = self.before.watermark
        return self.chunk is None and (was is None or bool(was < self.shown))

    @property
    def edge(self) -> Any:
        """The clock less the lag, as a stamp."""
        assert self.clock is not None
        return self.setup.stamp(self.clock - self.setup.lag)

    @property
    def low(self) -> Any:
        if self.chunk is not None:
            return self.chunk.low
        assert self.clock is not None
        first = self.setup.stamp(self.clock.replace(microsecond=0) - self.setup.initial)
        if self.before.watermark is None:
            return first
        usual = self.back(self.before.watermark)
        return min(first, usual) if self.from_initial else usual

    @property
    def high(self) -> Any:
        if self.chunk is not None:
            return self.chunk.high
        assert self.clock is not None
        return self.setup.end(self.clock)

    @property
    def shown(self) -> Any:
        """Where a look ends: the lag hides nothing from it."""
        assert self.clock is not None
        return self.setup.end(self.clock + self.setup.lag)

    @property
    def patience(self) -> Any:
        assert self.clock is not None
        return self.setup.stamp(self.clock - self.setup.lag - self.setup.max_hold)

    @property
    def keeps_from(self) -> Any:
        """The oldest stamp that the job keeps, None if it keeps all."""
        keeps = self.setup.target_keeps
        earlier = min(self.target_clock, self.clock or self.target_clock)
        return None if keeps is None else self.setup.stamp(earlier - keeps)

    def back(self, point: Any) -> Any:
        """Return the stamp that lies the overlap behind another."""
        return point - self.setup.overlap
