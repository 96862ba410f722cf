"""What the next run of a job would do, as far as that can be known before."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.job import Job
from qupersync.domain.watermark import Window


class Prospect(StrEnum):
    """What a run would come to now."""

    LOAD = "load"
    SKIP = "skip"
    FAIL = "fail"


class LoadPath(NamedTuple):
    """The way rows take into the target, and why this one."""

    name: str
    reason: str


def path_of(job: Job) -> LoadPath:
    """Return the way the job's rows would take."""
    return LoadPath("checked", f"load: {job.load}; each row is checked before it is stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One job's plan; what is empty or None was not found out, after an ``error`` or a skip.

    ``sql`` is that of the first of ``pieces``; ``merge`` is what each transaction of up to
    ``batch_rows`` rows (of a snapshot: of all rows) ends with. ``held_by`` is the run that works
    on the job now. ``rows`` is how many rows the source has in the window, if that was asked.
    """

    job: Job
    batch_rows: int
    prospect: Prospect = Prospect.LOAD
    held_by: str = ""
    why: str = ""
    window: Window | None = None
    pieces: int = 0
    sql: str = ""
    merge: str = ""
    rows: int | None = None
    notes: tuple[str, ...] = ()
    error: QuperSyncError | None = None

    @property
    def path(self) -> LoadPath:
        """Return the way the rows would take."""
        return path_of(self.job)
