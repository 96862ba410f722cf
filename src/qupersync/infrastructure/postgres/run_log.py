"""The run log in ``quper.sync_logs``, and what a job's state learns from each run."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from qupersync.domain.errors import LeaseLostError
from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, canonical
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.stored_run import as_stored

# Again, if the answer of the first time was lost.
OPEN = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at,
                             completed_at, duration_ms, error, error_code, correlation_id, host,
                             pid, version, replay_of, attempts)
SELECT %(run_id)s, %(source)s, %(job)s, %(trigger)s, %(status)s, now,
       CASE WHEN %(status)s <> 'running' THEN now END,
       CASE WHEN %(status)s <> 'running' THEN 0 END,
       %(error)s, %(error_code)s, %(correlation_id)s, %(host)s, %(pid)s, %(version)s,
       %(replay_of)s, %(attempts)s
  FROM clock_timestamp() AS now
ON CONFLICT (run_id) DO UPDATE SET attempts = excluded.attempts
"""
NOTE_PROGRESS = """
UPDATE quper.sync_logs
   SET window_low = %(window_low)s, window_high = %(window_high)s,
       watermark_before = %(watermark_before)s, attempts = %(attempts)s
 WHERE run_id = %(run_id)s AND status = 'running'
"""
# What the ledger says: a batch whose commit was never answered counts, one rolled back does not.
COUNTED = """
WITH ledger AS (
  SELECT count(*) AS batches,
         coalesce(sum(rows_extracted), 0) AS extracted, coalesce(sum(rows_inserted), 0) AS inserted,
         coalesce(sum(rows_updated), 0) AS updated, coalesce(sum(rows_unchanged), 0) AS unchanged,
         coalesce(sum(rows_deduplicated), 0) AS deduplicated,
         coalesce(sum(rows_skipped), 0) AS skipped, coalesce(sum(rows_deleted), 0) AS deleted,
         coalesce(sum(rows_late), 0) AS late, max(late_max_ms) AS late_max_ms,
         (array_agg(watermark ORDER BY batch_seq DESC) FILTER (WHERE watermark IS NOT NULL))[1]
           AS watermark
    FROM quper.sync_batches WHERE run_id = %(run_id)s)
UPDATE quper.sync_logs
   SET completed_at = greatest(now, started_at),
       duration_ms = floor(extract(epoch FROM greatest(now, started_at) - started_at) * 1000),
       rows_extracted = extracted, rows_upserted = inserted + updated + unchanged,
       rows_inserted = inserted, rows_updated = updated, rows_unchanged = unchanged,
       rows_deduplicated = deduplicated, rows_skipped = skipped, rows_deleted = deleted,
       rows_late = late, late_max_ms = ledger.late_max_ms,
       batches = ledger.batches, watermark_after = coalesce(watermark, watermark_before),
       status = %(status)s, attempts = coalesce(%(attempts)s, attempts), error = %(error)s,
       error_code = %(error_code)s, retryable = %(retryable)s, warnings = %(warnings)s
  FROM ledger, clock_timestamp() AS now WHERE run_id = %(run_id)s AND status = 'running'
"""
# Each attempt is written once, when it has ended: it began where the wait before it was over.
FAILURE = """
INSERT INTO quper.sync_attempts (run_id, attempt, started_at, completed_at, status, error,
                                 error_code, retryable, backoff_ms)
SELECT r.run_id, %(attempts)s, least(ended, began), ended, 'failed', %(error)s, %(error_code)s,
       %(retryable)s, %(backoff_ms)s
  FROM quper.sync_logs AS r
  LEFT JOIN quper.sync_attempts AS a
         ON a.run_id = r.run_id AND a.attempt = CAST(%(attempts)s AS integer) - 1,
       LATERAL (SELECT greatest(r.started_at, a.completed_at,
                                clock_timestamp() - make_interval(secs => %(ago_s)s)) AS ended,
                       coalesce(a.completed_at + a.backoff_ms * interval '1 ms', r.started_at)
                         AS began) AS times
 WHERE r.run_id = %(run_id)s
ON CONFLICT (run_id, attempt) DO NOTHING
"""
LAST_ATTEMPT = """
INSERT INTO quper.sync_attempts (run_id, attempt, started_at, completed_at, status, error,
                                 error_code, retryable)
SELECT r.run_id, r.attempts,
       least(r.completed_at,
             coalesce(a.completed_at + a.backoff_ms * interval '1 ms', r.started_at)),
       r.completed_at, r.status, r.error, r.error_code, r.retryable
  FROM quper.sync_logs AS r
  LEFT JOIN quper.sync_attempts AS a ON a.run_id = r.run_id AND a.attempt = r.attempts - 1
 WHERE r.run_id = %(run_id)s
ON CONFLICT (run_id, attempt) DO NOTHING
"""
# A skipped run changes neither state nor failure counts, nor does one that somebody asked of the
# past: it says nothing of whether the job is fresh.
LEARN = """
UPDATE quper.qupersync_state
   SET last_run_id = %(run_id)s, updated_at = clock_timestamp(),
       last_success_at = CASE WHEN %(status)s = 'success' THEN clock_timestamp()
                              ELSE last_success_at END,
       consecutive_failures = CASE WHEN %(status)s = 'success' THEN 0
                                   WHEN %(status)s IN ('failed', 'dead')
                                   THEN consecutive_failures + 1
                                   ELSE consecutive_failures END
 WHERE source = %(source)s AND job = %(job)s AND %(status)s <> 'skipped'
   AND (SELECT trigger FROM quper.sync_logs WHERE run_id = %(run_id)s)
       IN ('cron', 'manual', 'retry')
"""
OPEN_RUNS = """
SELECT run_id FROM quper.sync_logs
 WHERE source = %(source)s AND sync_job_id = %(job)s AND status = 'running'
"""
VANISHED = {
    "status": "dead",
    "attempts": None,  # as many as were noted
    "error": "the holder of the lease vanished; its committed batches stay",
    "error_code": "lease-expired",
    "retryable": True,
    "warnings": Jsonb([]),
}


def close_vanished(cursor: Cursor[TupleRow], names: dict[str, str]) -> None:
    """Close what a dead holder of the job left open; only the new holder may do that."""
    for (run_id,) in cursor.execute(OPEN_RUNS, names).fetchall():
        _close(cursor, names | VANISHED | {"run_id": run_id})


def _close(cursor: Cursor[TupleRow], values: dict[str, Any]) -> bool:
    is_open = cursor.execute(COUNTED, values).rowcount == 1
    if is_open:
        cursor.execute(LAST_ATTEMPT, values)
        cursor.execute(LEARN, values)
    return is_open


def closed(cursor: Cursor[TupleRow], run: Run) -> Run:
    """Close a run; return it as it is stored, unchanged if somebody has closed it before."""
    return as_stored(cursor, run) if _close(cursor, record(run)) else run


@dataclass(frozen=True, slots=True)
class RunLog:
    """Keeps the promises of ``ports.RunLog``."""

    session: Session
    host: str
    pid: int
    version: str

    def open(self, run: Run) -> Run:
        """Keep the promise of ``ports.RunLog.open``."""
        with self.session.transaction() as cursor:
            cursor.execute(OPEN, record(run) | self._process())
            return as_stored(cursor, run)

    def note_progress(self, run: Run) -> None:
        """Keep the promise of ``ports.RunLog.note_progress``."""
        if not self.session.execute(NOTE_PROGRESS, record(run)):
            raise LeaseLostError

    def note_failure(self, run: Run, ago: timedelta) -> None:
        """Keep the promise of ``ports.RunLog.note_failure``."""
        self.session.execute(FAILURE, record(run) | {"ago_s": ago.total_seconds()})

    def close(self, run: Run) -> Run:
        """Keep the promise of ``ports.RunLog.close``."""
        with self.session.transaction() as cursor:
            _close(cursor, record(run))
            return as_stored(cursor, run)

    def _process(self) -> dict[str, Any]:
        return {"host": self.host, "pid": self.pid, "version": self.version}


def record(run: Run) -> dict[str, Any]:
    """Return a run as the parameters of the statements above."""
    return {
        "run_id": run.run_id,
        "source": run.source,
        "job": run.job,
        "trigger": run.trigger.value,
        "correlation_id": run.correlation_id,
        "replay_of": run.replay_of,
        "status": run.status.value,
        "window_low": _text(run.window.low if run.window else None),
        "window_high": _text(run.window.high if run.window else None),
        "watermark_before": _text(run.watermark_before),
        "attempts": run.attempts,
        "error": run.error or None,
        "error_code": run.error_code or None,
        "retryable": run.retryable if run.error else None,
        "backoff_ms": run.backoff_ms,
        "warnings": Jsonb(list(run.warnings)),
    }


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
