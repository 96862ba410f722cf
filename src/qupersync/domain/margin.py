"""The margin between how late rows appear and how far back a job looks for them."""

from collections.abc import Iterator
from datetime import timedelta

from qupersync.domain.duration import format_duration
from qupersync.domain.lateness import Lateness, recommended_overlap


def margin_warnings(seen: Lateness, overlap: timedelta | int) -> Iterator[str]:
    """Yield a warning if a row lay in the farther half of the overlap: the next may lie behind."""
    if isinstance(overlap, int) or 2 * seen.longest <= overlap:
        return
    longest, enough = format_duration(seen.longest), recommended_overlap(seen.longest)
    yield (
        f"rows appear up to {longest} late, the overlap is {format_duration(overlap)}: "
        f"set overlap: {format_duration(enough)}"
    )
