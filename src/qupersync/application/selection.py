"""Which jobs a command means."""

from collections.abc import Sequence
from difflib import get_close_matches

from qupersync.domain.errors import SelectionError
from qupersync.domain.job import Job


def selected(
    jobs: Sequence[Job], names: Sequence[str] = (), tags: Sequence[str] = ()
) -> tuple[Job, ...]:
    """Return the named jobs, or those with one of the tags, or all; in the file's order.

    Raises:
        SelectionError: a name or a tag that no job has; says which names are close.
    """
    known = [job.name for job in jobs]
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=3) or known
            raise SelectionError(f"no job {name!r}", hint=f"known: {', '.join(close)}")
    every_tag = sorted({tag for job in jobs for tag in job.tags})
    for tag in tags:
        if tag not in every_tag:
            raise SelectionError(
                f"no job has the tag {tag!r}", hint=f"tags: {', '.join(every_tag)}"
            )
    if not names and not tags:
        return tuple(jobs)
    return tuple(job for job in jobs if job.name in names or not set(tags).isdisjoint(job.tags))
