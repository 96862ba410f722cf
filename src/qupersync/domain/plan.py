"""What the next run of a job would do, as far as that can be known before."""

from dataclasses import dataclass
from enum import StrEnum

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.job import Job
from qupersync.domain.load_path import LoadPath
from qupersync.domain.watermark import Window


class Prospect(StrEnum):
    """What a run would come to now."""

    LOAD = "load"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One job's plan; what is empty or None was not found out, after an ``error`` or a skip.

    ``sql`` is that of the first of ``pieces``; ``path`` is the way the rows would take, and
    ``merge`` what each transaction of up to ``batch_rows`` rows (of a snapshot: of all rows)
    ends with. ``held_by`` is the run that works on the job now. ``rows`` is how many rows the
    source has in the window, if that was asked.
    """

    job: Job
    path: LoadPath | None = None
    batch_rows: int | None = None
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
