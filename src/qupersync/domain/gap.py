"""Spans of time that the source dropped before they were read, and how near the next one is."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from qupersync.domain.watermark import DAY, Point, back, before, canonical

# However young the rows were that were seen: a source that was quiet, or is new, has no older ones,
# and no log is kept for less than a day.
KEPT_AT_LEAST = DAY
_GAP = "gap: "


@dataclass(frozen=True, slots=True)
class Gap:
    """A span ``[low, high)`` whose rows, if there were any, the source no longer holds.

    They left by age, or with rows that were loaded and were not older than ``young``. These may
    have been stamped anew instead, and whoever has loaded the rows of today knows.
    """

    low: Point
    high: Point
    young: datetime | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{canonical(self.low)} to {canonical(self.high)}"

    def is_borne_out_by(self, loaded: Point | None) -> bool:
        """Tell whether it is a gap, by the newest row that was loaded from behind it."""
        return self.young is None or (loaded is not None and start_of(loaded) > self.young)

    def warning(self, job: str) -> str:
        """Say what may be missing, and what to type once people know."""
        return (
            f"{_GAP}the source no longer holds {self}, rows of that span may be lost; "
            f"once you know: qupersync watermark ack-gap {job}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the source: its clock, its oldest row, and how long rows stay there.

    ``oldest`` is None where there is no row; ``kept`` is how old rows get there at least, as far
    as anybody has seen, None if nobody has seen one.
    """

    clock: datetime
    oldest: Point | None
    kept: timedelta | None

    @property
    def shows_less(self) -> bool:
        """Tell whether the oldest row is younger, by more than a day, than rows are said to get."""
        if self.kept is None:
            return False
        return self.oldest is None or self.kept - (self.clock - start_of(self.oldest)) > DAY

    def now_kept(self, gone: Point | None, stored: Point | None) -> timedelta | None:
        """Return what the next look should know as ``kept``.

        ``gone`` is the newest row that was loaded from before the oldest one. If it left early,
        rows do not get as old as was thought, but as old as it was at the watermark.
        """
        kept = self.kept
        if kept and gone and stored and self.clock - start_of(gone) < kept:
            kept = max(timedelta(), start_of(stored) - start_of(gone))
        if self.oldest is None:
            return kept
        return max(kept or timedelta(), self.clock - start_of(self.oldest))

    def reaches(self, stored: Point) -> bool:
        """Tell whether nothing from the watermark on can have left, as an older row is there."""
        if self.oldest is None:
            return False
        # Of a date a row may be left while others have gone; rows of one moment leave together.
        is_moment = isinstance(stored, datetime)
        return before(self.oldest, stored) or (is_moment and self.oldest == stored)

    def gap(self, stored: Point, newest_loaded: Point | None, high: Point) -> Gap | None:
        """Return what may be lost between the watermark and the oldest row, or else ``high``.

        ``newest_loaded`` is the newest row that was loaded from behind the watermark. Rows leave
        by age, the oldest first. So a quiet source has lost nothing while the watermark is
        younger than rows get there; unless rows left that were younger, as all do when a
        cluster is restored from a snapshot.
        """
        if self.reaches(stored) or (self.oldest is None and self.kept is None):
            return None
        end, at_least = self.oldest or high, KEPT_AT_LEAST
        if end == stored:  # a part of this very date, which goes on for a day
            end, at_least = back(end, -DAY), at_least + DAY
        if self.clock - start_of(stored) > max(at_least, self.kept or at_least):
            return Gap(stored, end)
        if self.kept is None:
            return None
        early = Gap(stored, end, young=self.clock - self.kept)
        return early if early.is_borne_out_by(newest_loaded) else None


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
