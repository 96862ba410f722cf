"""How late rows appear: those that a run found where the one before had already looked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

# Up to which age a row counts in a bucket of the histogram; older ones have one of their own.
BOUNDS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
_LABELS = ("1m", "5m", "15m", "1h", "6h", "1d", "more")
_STEP = timedelta(minutes=5)
# Twice the worst that was seen: what was seen in a month is not the worst that can be.
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Lateness:
    """Counts of late rows by age: how far each lay behind the end of the run before."""

    counts: tuple[int, ...] = (0,) * len(_LABELS)
    longest: timedelta = timedelta()

    @classmethod
    def of(cls, ages: Iterable[timedelta]) -> "Lateness":
        """Count rows by their age."""
        counts, longest = [0] * len(_LABELS), timedelta()
        for age in ages:
            counts[sum(age > bound for bound in BOUNDS)] += 1
            longest = max(longest, age)
        return cls(tuple(counts), longest)

    def __add__(self, other: "Lateness") -> "Lateness":
        counts = tuple(map(sum, zip(self.counts, other.counts, strict=True)))
        return Lateness(counts, max(self.longest, other.longest))

    @property
    def rows(self) -> int:
        """Return how many rows were late."""
        return sum(self.counts)

    @property
    def longest_ms(self) -> int | None:
        """Return the greatest age in whole milliseconds, None without late rows."""
        return self.longest // timedelta(milliseconds=1) if self.rows else None

    def histogram(self) -> dict[str, int]:
        """Return the counts by the upper bound of the age; empty buckets are left out."""
        return {name: n for name, n in zip(_LABELS, self.counts, strict=True) if n}


def recommended_overlap(longest: timedelta) -> timedelta:
    """Return an overlap for rows that were up to ``longest`` late: twice that, in whole 5 minutes.

    Five minutes at least.
    """
    return max(_STEP, -(-_MARGIN * longest // _STEP) * _STEP)
