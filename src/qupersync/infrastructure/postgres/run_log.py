"""The run log in ``quper.sync_logs``, and what a job's state learns from each run."""

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, canonical
from qupersync.infrastructure.postgres.session import Session

OPEN = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at,
                             completed_at, duration_ms, error_code, correlation_id, host, pid,
                             version)
VALUES (%(run_id)s, %(source)s, %(job)s, %(trigger)s, %(status)s, %(started_at)s,
        %(completed_at)s, %(duration_ms)s, %(error_code)s, %(correlation_id)s, %(host)s, %(pid)s,
        %(version)s)
"""
CLOSE = """
UPDATE quper.sync_logs
   SET status = %(status)s, completed_at = greatest(%(completed_at)s, started_at),
       duration_ms = %(duration_ms)s, window_low = %(window_low)s, window_high = %(window_high)s,
       watermark_before = %(watermark_before)s, watermark_after = %(watermark_after)s,
       rows_extracted = %(extracted)s, rows_upserted = %(upserted)s, rows_inserted = %(inserted)s,
       rows_updated = %(updated)s, rows_unchanged = %(unchanged)s,
       rows_deduplicated = %(deduplicated)s, rows_skipped = %(skipped)s, rows_deleted = %(deleted)s,
       batches = %(batches)s, attempts = %(attempts)s, error = %(error)s,
       error_code = %(error_code)s, retryable = %(retryable)s, warnings = %(warnings)s
 WHERE run_id = %(run_id)s AND status = 'running'
"""
ATTEMPT = """
INSERT INTO quper.sync_attempts (run_id, attempt, started_at, completed_at, status, error,
                                 error_code, retryable)
VALUES (%(run_id)s, %(attempts)s, %(started_at)s, %(completed_at)s, %(status)s, %(error)s,
        %(error_code)s, %(retryable)s)
ON CONFLICT (run_id, attempt) DO NOTHING
"""
# A skipped run changes neither state nor failure counts.
LEARN = """
UPDATE quper.qupersync_state
   SET last_run_id = %(run_id)s, updated_at = clock_timestamp(),
       last_success_at = CASE WHEN %(status)s = 'success' THEN %(completed_at)s
                              ELSE last_success_at END,
       consecutive_failures = CASE WHEN %(status)s = 'success' THEN 0
                                   WHEN %(status)s IN ('failed', 'dead')
                                   THEN consecutive_failures + 1
                                   ELSE consecutive_failures END
 WHERE source = %(source)s AND job = %(job)s AND %(status)s <> 'skipped'
"""


@dataclass(frozen=True, slots=True)
class RunLog:
    """Keeps the promises of ``ports.RunLog``."""

    session: Session
    host: str
    pid: int
    version: str

    def open(self, run: Run) -> None:
        """Keep the promise of ``ports.RunLog.open``."""
        self.session.execute(OPEN, record(run) | self._process())

    def close(self, run: Run) -> None:
        """Keep the promise of ``ports.RunLog.close``."""
        values = record(run)
        with self.session.transaction() as cursor:
            if cursor.execute(CLOSE, values).rowcount:
                cursor.execute(ATTEMPT, values)
                cursor.execute(LEARN, values)

    def _process(self) -> dict[str, Any]:
        return {"host": self.host, "pid": self.pid, "version": self.version}


def record(run: Run) -> dict[str, Any]:
    """Return a run as the parameters of the statements above."""
    tally = run.tally
    return {
        "run_id": run.run_id,
        "source": run.source,
        "job": run.job,
        "trigger": run.trigger.value,
        "correlation_id": run.correlation_id,
        "status": run.status.value,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "duration_ms": run.duration_ms,
        "window_low": _text(run.window.low if run.window else None),
        "window_high": _text(run.window.high if run.window else None),
        "watermark_before": _text(run.watermark_before),
        "watermark_after": _text(run.watermark_after),
        "extracted": tally.extracted,
        "upserted": tally.upserted,
        "inserted": tally.inserted,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "deduplicated": tally.deduplicated,
        "skipped": tally.skipped,
        "deleted": tally.deleted,
        "batches": run.batches,
        "attempts": run.attempts,
        "error": run.error or None,
        "error_code": run.error_code or None,
        "retryable": run.retryable if run.error else None,
        "warnings": Jsonb(list(run.warnings)),
    }


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
