"""How a job stands, in one word, and what a person on call wants to know beside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

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
    error_code: str | None
    error: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job as the target knows it; ``now`` is the target's clock."""

    job: str
    target_table: str
    expect_every: timedelta
    now: datetime
    watermark: str | None = None
    last_success_at: datetime | None = None
    is_running: bool = False
    last_run: LastRun | None = None

    @property
    def health(self) -> Health:
        """Return the state in one word; a dead or canceled run is a failed one."""
        if self.is_running:
            return Health.RUNNING
        if self.last_run is None:
            return Health.NEVER
        if self.last_run.status != "success" or self.last_success_at is None:
            return Health.FAILED
        is_late = self.now - self.last_success_at > STALE_AFTER_TURNS * self.expect_every
        return Health.STALE if is_late else Health.OK
