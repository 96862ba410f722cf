"""Runs that are over, as the run log remembers them, and which windows still want reading."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from qupersync.domain.run import Status, Trigger
from qupersync.domain.watermark import WatermarkType, Window, before, comparable, earliest


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One row of the run log; the window's ends are canonical texts, None where there was none."""

    run_id: UUID
    job: str
    trigger: Trigger
    status: Status
    correlation_id: UUID
    window_low: str | None
    window_high: str | None

    @property
    def may_be_retried(self) -> bool:
        """Tell whether the run did not reach its end."""
        return self.status in {Status.FAILED, Status.DEAD, Status.CANCELED}

    def window(self, kind: WatermarkType) -> Window | None:
        """Return the window that was frozen for the run, None if it came to none."""
        low = kind.read(self.window_low)
        return None if low is None else Window(low, kind.read(self.window_high))


def without(window: Window, done: Iterable[Window]) -> Iterator[Window]:
    """Yield what is left of ``window`` once the windows in ``done`` are taken out, oldest first."""
    low = window.low
    for part in sorted(done, key=lambda part: comparable(part.low)):
        if part.high is None or not before(low, part.high):
            continue
        gap = Window(low, earliest(window.high, part.low))
        if not gap.is_empty:
            yield gap
        low = part.high
    rest = Window(low, window.high)
    if not rest.is_empty:
        yield rest


def time_left(done: int, total: int, spent: timedelta) -> timedelta:
    """Return how long the rest takes if each part takes as long as those that are done."""
    return spent / done * (total - done)
