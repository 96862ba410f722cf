"""Old rows of the run log, the ledger and the rejects: which may go, and their removal.

What proves that no row is missing stays: before a run goes, what it read is noted in the job's
state.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.rows import TupleRow

from qupersync.domain.errors import PermissionDeniedError
from qupersync.domain.watermark import WatermarkType
from qupersync.infrastructure.postgres import coverage
from qupersync.infrastructure.postgres.session import Session

CHUNK = 2_000
LACKING = """
SELECT string_agg('quper.' || t, ', ')
  FROM unnest(ARRAY['sync_logs', 'sync_batches', 'sync_rejects']) AS t
 WHERE NOT has_table_privilege('quper.' || t, 'DELETE')
"""
JOBS = """
SELECT DISTINCT l.sync_job_id, s.watermark_type FROM quper.sync_logs AS l
  LEFT JOIN quper.qupersync_state AS s ON s.source = l.source AND s.job = l.sync_job_id
 WHERE l.source = %(source)s ORDER BY l.sync_job_id
"""
LOCK_STATE = """
SELECT 1 FROM quper.qupersync_state WHERE source = %(source)s AND job = %(job)s FOR UPDATE
"""
# Still asked for: the newest run of each kind (status, history, retry, what was reached), the
# pieces of the last backfill (--resume), the newest row of the ledger, the run of an open reject,
# and what any of these repeats. A run is never younger than the one that it repeats.
OLD_RUNS = """
WITH RECURSIVE mine AS MATERIALIZED (
  SELECT run_id, trigger, status, started_at, completed_at, correlation_id, replay_of
    FROM quper.sync_logs WHERE source = %(source)s AND sync_job_id = %(job)s),
needed (run_id) AS (
  SELECT run_id FROM mine
   WHERE completed_at IS NULL OR completed_at >= clock_timestamp() - %(age)s::interval
   UNION
  (SELECT DISTINCT ON (trigger, status) run_id FROM mine
    ORDER BY trigger, status, started_at DESC)
   UNION
  SELECT run_id FROM mine WHERE correlation_id = (
    SELECT correlation_id FROM mine WHERE trigger = 'backfill' ORDER BY started_at DESC LIMIT 1)
   UNION
  SELECT last_run_id FROM quper.qupersync_state WHERE source = %(source)s AND job = %(job)s
   UNION
  (SELECT run_id FROM quper.sync_batches WHERE source = %(source)s AND sync_job_id = %(job)s
    ORDER BY batch_seq DESC LIMIT 1)
   UNION
  SELECT run_id FROM quper.sync_rejects
   WHERE source = %(source)s AND sync_job_id = %(job)s AND resolved_at IS NULL),
kept (run_id) AS (
  SELECT run_id FROM needed UNION SELECT mine.replay_of FROM kept JOIN mine USING (run_id))
SELECT run_id FROM mine WHERE NOT EXISTS (SELECT FROM kept WHERE kept.run_id = mine.run_id)
 ORDER BY started_at DESC LIMIT %(limit)s
"""
# A piece that was completed by a run that broke later proves what was read until its run goes.
OLD_BATCHES = """
SELECT b.batch_seq FROM quper.sync_batches AS b JOIN quper.sync_logs AS r USING (run_id)
 WHERE b.source = %(source)s AND b.sync_job_id = %(job)s AND r.completed_at IS NOT NULL
   AND b.committed_at < clock_timestamp() - %(age)s::interval
   AND (r.status = 'success' OR NOT b.completes)
   AND b.batch_seq < (SELECT max(batch_seq) FROM quper.sync_batches
                       WHERE source = %(source)s AND sync_job_id = %(job)s)
 LIMIT %(limit)s
"""
OLD_REJECTS = """
SELECT reject_id FROM quper.sync_rejects
 WHERE source = %(source)s AND resolved_at < clock_timestamp() - %(age)s::interval
 LIMIT %(limit)s
"""
REMOVE_RUNS = "DELETE FROM quper.sync_logs WHERE run_id = ANY (%(old)s)"
REMOVE_BATCHES = """
DELETE FROM quper.sync_batches
 WHERE source = %(source)s AND sync_job_id = %(job)s AND batch_seq = ANY (%(old)s)
"""
REMOVE_REJECTS = "DELETE FROM quper.sync_rejects WHERE reject_id = ANY (%(old)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long the rows of each kind are kept."""

    runs: timedelta
    batches: timedelta
    rejects: timedelta


@dataclass(frozen=True, slots=True)
class Prune:
    """Removes old rows of one source, some at a time, or with ``is_dry`` only counts them."""

    session: Session
    source: str
    is_dry: bool

    def __call__(self, ages: Ages) -> dict[str, int]:
        """Return how many ``runs``, ``batches`` and ``rejects`` went, or would.

        Raises:
            PermissionDeniedError: the user may not remove them; nothing was.
        """
        if not self.is_dry:
            self._require_rights()
        rejects = self._without(OLD_REJECTS, REMOVE_REJECTS, {"age": ages.rejects})
        runs = batches = 0
        for job, kind in self.session.rows(JOBS, {"source": self.source}):
            of_job = {"job": job, "kind": kind}
            batches += self._without(OLD_BATCHES, REMOVE_BATCHES, of_job | {"age": ages.batches})
            runs += self._without(OLD_RUNS, REMOVE_RUNS, of_job | {"age": ages.runs}, _keep_spans)
        return {"runs": runs, "batches": batches, "rejects": rejects}

    def _require_rights(self) -> None:
        [(tables,)] = self.session.rows(LACKING)
        if tables:
            raise PermissionDeniedError(
                f"{self.session.connection.info.user} lacks DELETE on {tables}",
                hint="prune as the owner of the schema: quper_migrator in docs/grants.sql",
            )

    def _without(
        self,
        find: LiteralString,
        remove: LiteralString,
        chosen: dict[str, Any],
        before: Callable[[Cursor[TupleRow], dict[str, Any]], None] = lambda _cursor, _values: None,
    ) -> int:
        values = {"source": self.source, "limit": CHUNK} | chosen
        if self.is_dry:
            return len(self.session.rows(find, values | {"limit": None}))
        return sum(self._chunks(find, remove, values, before))

    def _chunks(
        self,
        find: LiteralString,
        remove: LiteralString,
        values: dict[str, Any],
        before: Callable[[Cursor[TupleRow], dict[str, Any]], None],
    ) -> Iterator[int]:
        while True:
            with self.session.transaction() as cursor:
                old = [row[0] for row in cursor.execute(find, values).fetchall()]
                if not old:
                    return
                before(cursor, values | {"old": old})
                yield cursor.execute(remove, values | {"old": old}).rowcount


def _keep_spans(cursor: Cursor[TupleRow], values: dict[str, Any]) -> None:
    if values["kind"] in coverage.KINDS:
        cursor.execute(LOCK_STATE, values)
        coverage.keep(cursor, values, WatermarkType(values["kind"]), values["old"])
