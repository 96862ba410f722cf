"""A run of one job: an immutable record that changes by returning its next state."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from qupersync.domain.batch import Tally
from qupersync.domain.errors import QuperSyncError, StoppedError
from qupersync.domain.lateness import Lateness
from qupersync.domain.watermark import Point, Window

# Of an error, as of a text in the log: what a server sends may be of any length.
MAX_CHARS = 10_000
_MARK = 50  # the most that it takes to say how much was cut


class Status(StrEnum):
    """How a run stands, or ended."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    DEAD = "dead"
    CANCELED = "canceled"
    SKIPPED = "skipped"


class Trigger(StrEnum):
    """Who or what asked for a run."""

    CRON = "cron"
    MANUAL = "manual"
    BACKFILL = "backfill"
    RETRY = "retry"
    REPLAY = "replay"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, as ``sync_logs`` keeps it.

    ``attempts`` is the number of the attempt that is under way, or was the last. One that failed
    leaves its error with a run that still is running, until the next one begins ``backoff_ms``
    later. ``done_until`` is the end of the last piece stored, ``oldest_open`` the oldest row seen
    so far that may still change and is waited for.
    """

    run_id: UUID
    source: str
    job: str
    trigger: Trigger
    correlation_id: UUID
    started_at: datetime
    status: Status = Status.RUNNING
    completed_at: datetime | None = None
    window: Window | None = None
    watermark_before: Point | None = None
    watermark_after: Point | None = None
    tally: Tally = field(default_factory=Tally)
    batches: int = 0
    attempts: int = 1
    error: str = ""
    error_code: str = ""
    hint: str = ""
    retryable: bool = False
    backoff_ms: int | None = None
    warnings: tuple[str, ...] = ()
    replay_of: UUID | None = None
    lateness: Lateness = field(default_factory=Lateness)
    done_until: Point | None = None
    oldest_open: Point | None = None

    def loaded(self, tally: Tally, lateness: Lateness | None = None) -> "Run":
        """Count one committed batch."""
        return replace(
            self,
            tally=self.tally + tally,
            batches=self.batches + 1,
            lateness=self.lateness + (lateness or Lateness()),
        )

    def reached(self, watermark: Point | None) -> "Run":
        """Note the watermark that is now stored."""
        return replace(self, watermark_after=watermark)

    def warned(self, *warnings: str) -> "Run":
        """Add warnings, each once."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *warnings))))

    def succeeded(self, at: datetime) -> "Run":
        """End well."""
        return replace(self, status=Status.SUCCESS, completed_at=at)

    def skipped(self, reason: str, at: datetime, why: str = "") -> "Run":
        """End without having tried; ``why`` says for people what stood in the way."""
        status = Status.SKIPPED
        return replace(self, status=status, completed_at=at, error_code=reason, error=why)

    def ended_by(self, error: QuperSyncError, at: datetime) -> "Run":
        """End with an error: dead if another try might cure it, failed if not, or canceled."""
        status = Status.DEAD if error.retryable else Status.FAILED
        if isinstance(error, StoppedError):
            status = Status.CANCELED
        return replace(self._marked(error), status=status, completed_at=at)

    def waiting(self, error: QuperSyncError, wait_s: float) -> "Run":
        """Let an attempt end with an error, and the next one begin ``wait_s`` seconds later."""
        return replace(self._marked(error), backoff_ms=round(wait_s * 1000))

    def tried_again(self) -> "Run":
        """Begin the next attempt."""
        return replace(self._marked(None), attempts=self.attempts + 1)

    def _marked(self, error: QuperSyncError | None) -> "Run":
        return replace(
            self,
            error="" if error is None else _short(str(error)),
            error_code="" if error is None else error.code,
            hint="" if error is None else error.hint,
            retryable=error is not None and error.retryable,
            backoff_ms=None,
        )

    @property
    def share(self) -> float | None:
        """Return which part of the window is stored, from 0 to 1; None if that is not known."""
        if self.window is None or self.window.high is None:
            return None
        return 0.0 if self.done_until is None else self.window.share(self.done_until)

    @property
    def duration_ms(self) -> int | None:
        """Return how long the run took, in whole milliseconds."""
        if self.completed_at is None:
            return None
        return (self.completed_at - self.started_at) // timedelta(milliseconds=1)


def _short(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    kept = text[: MAX_CHARS - _MARK]
    return f"{kept}... ({len(text) - len(kept)} characters more)"
