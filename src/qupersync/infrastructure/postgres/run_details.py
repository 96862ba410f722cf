"""All that the target remembers of one run: its attempts, its pieces, its rejects, its repeats."""

from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from qupersync.infrastructure.postgres.session import Session

MATCHING = """
SELECT run_id, sync_job_id AS job, status, started_at FROM quper.sync_logs
 WHERE source = %(source)s AND run_id BETWEEN %(first)s AND %(last)s
 ORDER BY started_at DESC, run_id LIMIT %(limit)s
"""
RUN = """
SELECT r.*, l.host, l.pid, l.version
  FROM quper.sync_runs_v1 AS r JOIN quper.sync_logs AS l USING (run_id)
 WHERE run_id = %(run_id)s
"""
ATTEMPTS = """
SELECT attempt, status, started_at, completed_at, error, error_code, retryable, backoff_ms
  FROM quper.sync_attempts WHERE run_id = %(run_id)s ORDER BY attempt
"""
# A long piece has thousands of batches.
PIECES = """
SELECT window_low, window_high, count(*) AS batches,
       sum(rows_extracted)::bigint AS rows_extracted, sum(rows_inserted)::bigint AS rows_inserted,
       sum(rows_updated)::bigint AS rows_updated, sum(rows_unchanged)::bigint AS rows_unchanged,
       sum(rows_deduplicated)::bigint AS rows_deduplicated,
       sum(rows_skipped)::bigint AS rows_skipped, sum(rows_deleted)::bigint AS rows_deleted,
       (array_agg(watermark ORDER BY batch_seq DESC) FILTER (WHERE watermark IS NOT NULL))[1]
         AS watermark,
       bool_or(completes OR window_low IS NULL) AS is_complete, min(batch_seq) AS first_batch_seq,
       max(batch_seq) AS last_batch_seq, min(committed_at) AS first_committed_at,
       max(committed_at) AS committed_at
  FROM quper.sync_batches WHERE run_id = %(run_id)s
 GROUP BY window_low, window_high ORDER BY first_batch_seq
"""
# A row that is refused again counts as a reject of the last run that saw it.
REJECTS = """
SELECT reason, column_name, count(*) AS rows, count(*) FILTER (WHERE resolved_at IS NULL) AS open,
       (array_agg(reject_id ORDER BY reject_id))[1:3] AS reject_ids
  FROM quper.sync_rejects
 WHERE source = %(source)s AND sync_job_id = %(job)s AND run_id = %(run_id)s
 GROUP BY reason, column_name ORDER BY rows DESC, reason, column_name
"""
REPEATS = """
SELECT run_id, trigger, status, started_at,
       trigger = 'replay' AND window_low IS NULL AS is_of_rejects
  FROM quper.sync_logs
 WHERE source = %(source)s AND sync_job_id = %(job)s AND started_at >= %(started_at)s
   AND replay_of = %(run_id)s ORDER BY started_at, run_id
"""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Reads about single runs of one source."""

    session: Session
    source: str

    def matching(self, first: UUID, last: UUID, limit: int) -> list[dict[str, Any]]:
        """Return id, job, status and start of the runs with ids between these, the newest first."""
        return self._rows(MATCHING, source=self.source, first=first, last=last, limit=limit)

    def of(self, run_id: UUID) -> dict[str, Any]:
        """Return the columns of ``sync_runs_v1``, the process, and four lists of records.

        They are the run's ``attempts``; its ``pieces``, the batches summed up by window;
        ``rejects``, counted by reason and column; and ``replayed_by``, the runs that repeated it.
        """
        [run] = self._rows(RUN, run_id=run_id)
        return run | {
            "attempts_made": self._rows(ATTEMPTS, **run),
            "pieces": self._rows(PIECES, **run),
            "rejects": self._rows(REJECTS, **run),
            "replayed_by": self._rows(REPEATS, **run),
        }

    def _rows(self, query: LiteralString, **parameters: object) -> list[dict[str, Any]]:
        with (
            self.session.transaction(),
            self.session.connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query, parameters).fetchall()
