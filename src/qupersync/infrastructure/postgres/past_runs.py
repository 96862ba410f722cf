"""Past runs, read from ``quper.sync_logs``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from qupersync.domain.past_run import PastRun
from qupersync.domain.run import Status, Trigger
from qupersync.infrastructure.postgres.session import Session

FIND = """
SELECT run_id, sync_job_id, trigger, status, correlation_id, window_low, window_high
  FROM quper.sync_logs WHERE source = %(source)s AND run_id = %(run_id)s
"""
# A replay without a window is one of rejects, or came to none: to run the job is no repeat of it.
LAST = """
SELECT run_id, sync_job_id, trigger, status, correlation_id, window_low, window_high
  FROM quper.sync_logs
 WHERE source = %(source)s AND sync_job_id = %(job)s AND status NOT IN ('skipped', 'running')
   AND NOT (trigger = 'replay' AND window_low IS NULL)
   AND (trigger = %(trigger)s OR %(trigger)s::text IS NULL
        AND (trigger IN ('cron', 'manual', 'retry') OR status <> 'success'))
 ORDER BY started_at DESC, run_id LIMIT 1
"""
DONE = """
SELECT run_id, sync_job_id, trigger, status, correlation_id, window_low, window_high
  FROM quper.sync_logs
 WHERE source = %(source)s AND sync_job_id = %(job)s AND status = 'success'
   AND correlation_id = %(correlation_id)s
"""


@dataclass(frozen=True, slots=True)
class PastRuns:
    """Keeps the promises of ``ports.PastRuns``."""

    session: Session
    source: str

    def find(self, run_id: UUID) -> PastRun | None:
        """Keep the promise of ``ports.PastRuns.find``."""
        rows = self.session.rows(FIND, self._named(run_id=run_id))
        return _past(rows[0]) if rows else None

    def last(self, job: str, trigger: Trigger | None = None) -> PastRun | None:
        """Keep the promise of ``ports.PastRuns.last``."""
        rows = self.session.rows(LAST, self._named(job=job, trigger=trigger))
        return _past(rows[0]) if rows else None

    def done(self, job: str, correlation_id: UUID) -> Sequence[PastRun]:
        """Keep the promise of ``ports.PastRuns.done``."""
        rows = self.session.rows(DONE, self._named(job=job, correlation_id=correlation_id))
        return [_past(row) for row in rows]

    def _named(self, **values: Any) -> dict[str, Any]:
        return {"source": self.source} | values


def _past(row: TupleRow) -> PastRun:
    run_id, job, trigger, status, correlation_id, low, high = row
    return PastRun(
        run_id=run_id,
        job=job,
        trigger=Trigger(trigger),
        status=Status(status),
        correlation_id=correlation_id,
        window_low=low,
        window_high=high,
    )
