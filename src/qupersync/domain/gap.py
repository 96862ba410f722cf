"""Spans of time that the source dropped before they were read, and how near the next one is."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from qupersync.domain.watermark import Point, canonical

# However young the rows were that were seen: a source that was quiet, or is new, has no older ones,
# and no log is kept for less than a day.
KEPT_AT_LEAST = timedelta(days=1)
_GAP = "gap: "


@dataclass(frozen=True, slots=True)
class Gap:
    """A span ``[low, high)`` whose rows, if there were any, the source no longer holds.

    They left ``by_age``, or else before their time: then they may have been stamped anew instead,
    and whoever has loaded the rows of today knows.
    """

    low: Point
    high: Point
    by_age: bool = field(default=True, compare=False)

    def __str__(self) -> str:
        return f"{canonical(self.low)} to {canonical(self.high)}"

    def warning(self, job: str) -> str:
        """Say what may be missing, and what to type once people know."""
        return (
            f"{_GAP}the source no longer holds {self}, rows of that span may be lost; "
            f"once you know: qupersync watermark ack-gap {job}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the source: its clock, its oldest row, and how long rows stay there.

    ``oldest`` is None where there is no row; ``kept`` is the greatest age at which a row was ever
    seen, None if none was: rows stay for that long at least.
    """

    clock: datetime
    oldest: Point | None
    kept: timedelta | None

    @property
    def now_kept(self) -> timedelta | None:
        """Return what the next look should know as ``kept``."""
        if self.oldest is None:
            return self.kept
        return max(self.kept or timedelta(), self.clock - start_of(self.oldest))

    def reaches(self, stored: Point) -> bool:
        """Tell whether a row as old as the watermark, or older, is still there."""
        return self.oldest is not None and start_of(self.oldest) <= start_of(stored)

    def gap(self, stored: Point, newest_loaded: Point | None, high: Point) -> Gap | None:
        """Return what may be lost between the watermark and the oldest row, or else ``high``.

        ``newest_loaded`` is the newest row that was loaded from behind the watermark. Rows leave
        by age, the oldest first. So a quiet source has lost nothing while the watermark is
        younger than rows get there; unless rows left that were younger, as all do when a
        cluster is restored from a snapshot.
        """
        if self.reaches(stored) or (self.oldest is None and self.kept is None):
            return None
        kept = max(KEPT_AT_LEAST, self.kept or KEPT_AT_LEAST)
        by_age = self.clock - start_of(stored) > kept
        is_gap = by_age or self.left_early(newest_loaded)
        return Gap(stored, self.oldest or high, by_age) if is_gap else None

    def left_early(self, loaded: Point | None) -> bool:
        """Tell whether a row that was loaded is too young to have left by age."""
        if loaded is None or self.kept is None:
            return False
        return self.clock - start_of(loaded) < self.kept


def is_gap_warning(warning: str) -> bool:
    """Tell whether a run's warning is about a gap."""
    return warning.startswith(_GAP)


def start_of(point: Point) -> datetime:
    """Return the moment at which a point of time begins.

    Raises:
        TypeError: a number has no time.
    """
    match point:
        case datetime():
            return point
        case date():
            return datetime.combine(point, time(), UTC)
        case _:
            raise TypeError("a number has no time")
