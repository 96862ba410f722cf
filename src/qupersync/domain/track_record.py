"""A job's track record: how it stands, and what its runs of the last day add up to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qupersync.domain.status import STALE_AFTER_TURNS, JobStatus

ROW_KINDS = ("extracted", "inserted", "updated", "unchanged", "deduplicated", "skipped", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """What the target knows of a job; the last day is the 24 hours before ``status.now``.

    ``runs_last_day`` counts by status and ``rows_last_day`` by kind; what is missing there is 0.
    ``watermark_at`` is None for a job without a watermark, or with one that is no time.
    """

    status: JobStatus
    timeout: timedelta
    consecutive_failures: int = 0
    running_since: datetime | None = None
    watermark_at: datetime | None = None
    open_rejects: int = 0
    runs_last_day: Mapping[str, int] = field(default_factory=dict)
    rows_last_day: Mapping[str, int] = field(default_factory=dict)

    @property
    def stale_after(self) -> timedelta:
        """Return the age of the last success at which the job counts as stale."""
        return STALE_AFTER_TURNS * self.status.expect_every

    @property
    def watermark_lag(self) -> timedelta | None:
        """Return how far the target is behind, where the watermark is a time."""
        return None if self.watermark_at is None else self.status.now - self.watermark_at
