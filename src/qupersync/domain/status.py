"""How a job stands, in one word, and what a person on call wants to know beside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from qupersync.domain.gap import start_of
from qupersync.domain.watermark import DAY, WatermarkType

# One missed turn is a late cron; two are a problem.
STALE_AFTER_TURNS = 2


class Health(StrEnum):
    """The states of a job."""

    OK = "ok"
    RUNNING = "running"
    FAILED = "failed"
    STALE = "stale"
    NEVER = "never"

    @property
    def is_problem(self) -> bool:
        """Tell whether somebody should look."""
        return self in {Health.FAILED, Health.STALE, Health.NEVER}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest run of a job that was not skipped."""

    run_id: UUID
    status: str
    started_at: datetime
    completed_at: datetime | None
    duration_ms: int | None
    rows_extracted: int
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    rows_skipped: int
    rows_deleted: int
    rows_late: int = 0
    late_max_ms: int | None = None
    error_code: str | None
    error: str | None
    warnings: tuple[str, ...]


class SeenGap(TypedDict):
    """A gap as the target keeps it: its ends as canonical texts, and the run that found it."""

    low: str
    high: str
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job as the target knows it; ``now`` is the target's clock.

    ``gaps`` are spans that may be lost and that nobody acknowledged. The source keeps rows for
    ``kept_at_least``; None if that is not known. ``held_since`` and ``holder`` tell of the lease.
    A job ``is_orphaned`` if its holder let the lease expire and left the run open.
    """

    job: str
    target_table: str
    expect_every: timedelta
    now: datetime
    watermark: str | None = None
    watermark_type: str | None = None
    gaps: tuple[SeenGap, ...] = ()
    open_rejects: int = 0
    kept_at_least: timedelta | None = None
    last_success_at: datetime | None = None
    is_running: bool = False
    is_orphaned: bool = False
    held_since: datetime | None = None
    holder: str | None = None
    last_run: LastRun | None = None

    @property
    def health(self) -> Health:
        """Return the state in one word; a dead or canceled run is a failed one."""
        return Health.RUNNING if self.is_running else self._at_rest

    @property
    def _at_rest(self) -> Health:
        if self.is_orphaned:
            return Health.FAILED
        if self.last_run is None:
            return Health.NEVER
        if self.last_run.status != "success" or self.last_success_at is None:
            return Health.FAILED
        is_late = self.now - self.last_success_at > STALE_AFTER_TURNS * self.expect_every
        return Health.STALE if is_late else Health.OK

    @property
    def is_problem(self) -> bool:
        """Tell whether somebody should look: at the job, or at what it lost.

        A job that failed or is late is a problem while it runs again, too.
        """
        is_first = self.is_running and self.last_run is None
        return (self._at_rest.is_problem and not is_first) or bool(self.gaps)

    @property
    def loss_in(self) -> timedelta | None:
        """Return the time until the source may drop rows behind the watermark.

        It is negative once that is over, and None for a watermark that is no time, or where
        nobody knows how long the source keeps rows.
        """
        if self.watermark_type in {None, WatermarkType.BIGINT} or self.kept_at_least is None:
            return None
        point = WatermarkType(str(self.watermark_type)).read(self.watermark)
        return None if point is None else start_of(point) + self.kept_at_least - self.now

    @property
    def loss_is_near(self) -> bool:
        """Tell whether rows may be lost before tomorrow.

        A source that is young, or seldom has a row, seems to keep rows for hours only: so at
        least half of that time must be over as well.
        """
        if self.loss_in is None or self.kept_at_least is None:
            return False
        return self.loss_in < min(DAY, self.kept_at_least / 2)
