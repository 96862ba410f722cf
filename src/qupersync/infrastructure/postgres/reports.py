"""What the target remembers of jobs and runs, for people and programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row

from qupersync.domain.job import Job
from qupersync.domain.status import JobStatus, LastRun
from qupersync.infrastructure.postgres.session import Session

STATUS = """
SELECT job, watermark, last_success_at, is_running, clock_timestamp() AS now,
       last_run_id AS run_id, last_status AS status, last_started_at AS started_at,
       last_completed_at AS completed_at, last_duration_ms AS duration_ms, rows_extracted,
       rows_inserted, rows_updated, rows_unchanged, rows_skipped, rows_deleted, rows_late,
       late_max_ms, error_code, error, warnings, watermark_type, kept_at_least,
       coalesce(gaps, '[]') AS gaps,
       (SELECT count(*) FROM quper.sync_rejects AS r
         WHERE r.source = s.source AND r.sync_job_id = s.job AND resolved_at IS NULL)
         AS open_rejects,
       lease_acquired_at AS held_since, lease_owner_info AS holder,
       lease_owner IS NOT NULL AND NOT is_running
         AND EXISTS (SELECT FROM quper.sync_logs AS o
                      WHERE o.source = s.source AND o.sync_job_id = s.job AND o.status = 'running')
         AS is_orphaned
  FROM quper.sync_status_v1 AS s LEFT JOIN quper.qupersync_leases USING (source, job)
 WHERE source = %(source)s
"""
NOW = "SELECT clock_timestamp() AS now"
HISTORY = """
SELECT r.* FROM quper.sync_runs_v1 AS r JOIN quper.sync_logs AS l USING (run_id)
 WHERE l.source = %(source)s AND (%(job)s::text IS NULL OR r.job = %(job)s)
   AND (NOT %(only_failed)s OR r.status IN ('failed', 'dead', 'canceled'))
 ORDER BY r.started_at DESC, r.run_id LIMIT %(limit)s
"""
_OF_STATE = (
    "watermark",
    "watermark_type",
    "kept_at_least",
    "gaps",
    "open_rejects",
    "last_success_at",
    "is_running",
    "is_orphaned",
    "held_since",
    "holder",
    "now",
)


@dataclass(frozen=True, slots=True)
class Reports:
    """Reads the stable views of one source."""

    session: Session
    source: str

    def status(self, jobs: Iterable[Job], usual: timedelta) -> list[JobStatus]:
        """Return how each job stands; ``usual`` is how often a job is expected to run."""
        known = {row.pop("job"): row for row in self._rows(STATUS, {"source": self.source})}
        now = {"now": self._rows(NOW, {})[0]["now"]}
        return [_status(job, known.get(job.name, now), job.expect_every or usual) for job in jobs]

    def history(
        self, job: str | None, limit: int, *, only_failed: bool = False
    ) -> list[dict[str, Any]]:
        """Return past runs, the newest first, as the columns of ``sync_runs_v1``."""
        chosen = {"job": job, "limit": limit, "only_failed": only_failed}
        return self._rows(HISTORY, {"source": self.source} | chosen)

    def _rows(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        with (
            self.session.transaction(),
            self.session.connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query.encode(), parameters).fetchall()


def _status(job: Job, row: dict[str, Any], expect_every: timedelta) -> JobStatus:
    of_state = {name: row[name] for name in _OF_STATE if name in row}
    of_state["gaps"] = tuple(of_state.get("gaps", ()))
    of_run = {name: value for name, value in row.items() if name not in _OF_STATE}
    last_run = None
    if of_run.get("run_id") is not None:
        last_run = LastRun(**of_run | {"warnings": tuple(of_run["warnings"])})
    return JobStatus(
        job=job.name,
        target_table=str(job.target),
        expect_every=expect_every,
        last_run=last_run,
        **of_state,
    )
