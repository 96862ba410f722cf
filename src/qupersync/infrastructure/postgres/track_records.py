"""What the run log adds up to, job by job, for metrics and for the report."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, LiteralString

from psycopg.rows import dict_row

from qupersync.domain.job import Job
from qupersync.domain.status import JobStatus
from qupersync.domain.track_record import ROW_KINDS, TrackRecord
from qupersync.domain.watermark import WatermarkType
from qupersync.infrastructure.postgres.session import Session

STANDING = """
SELECT s.job, s.consecutive_failures, s.watermark, s.watermark_type,
       (SELECT max(r.started_at) FROM quper.sync_runs_v1 AS r
         WHERE r.source = s.source AND r.job = s.job AND r.status = 'running') AS running_since,
       (SELECT count(*) FROM quper.sync_rejects AS x
         WHERE x.source = s.source AND x.sync_job_id = s.job AND x.resolved_at IS NULL)
         AS open_rejects
  FROM quper.sync_status_v1 AS s WHERE s.source = %(source)s
"""
LAST_DAY = """
SELECT job, status, count(*) AS runs,
       sum(rows_extracted)::bigint AS extracted, sum(rows_inserted)::bigint AS inserted,
       sum(rows_updated)::bigint AS updated, sum(rows_unchanged)::bigint AS unchanged,
       sum(rows_deduplicated)::bigint AS deduplicated, sum(rows_skipped)::bigint AS skipped,
       sum(rows_deleted)::bigint AS deleted
  FROM quper.sync_runs_v1
 WHERE source = %(source)s AND started_at > clock_timestamp() - interval '24 hours'
 GROUP BY job, status
"""
RECENT = """
SELECT r.* FROM unnest(%(jobs)s::text[]) AS j (job) CROSS JOIN LATERAL (
  SELECT * FROM quper.sync_runs_v1
   WHERE source = %(source)s AND job = j.job AND status NOT IN ('running', 'skipped')
   ORDER BY started_at DESC, run_id LIMIT %(limit)s) AS r
 ORDER BY r.started_at DESC, r.run_id
"""
LATEST = """
SELECT * FROM quper.sync_runs_v1 WHERE source = %(source)s
 ORDER BY started_at DESC, run_id LIMIT %(limit)s
"""
OPEN_REJECTS = """
SELECT sync_job_id AS job, reason, column_name, count(*) AS count, min(rejected_at) AS since
  FROM quper.sync_rejects WHERE source = %(source)s AND resolved_at IS NULL
 GROUP BY sync_job_id, reason, column_name ORDER BY count DESC, job, reason, column_name
"""


@dataclass(frozen=True, slots=True)
class TrackRecords:
    """Reads the run log and the rejects of one source."""

    session: Session
    source: str

    def of(self, jobs: Iterable[Job], statuses: Iterable[JobStatus]) -> list[TrackRecord]:
        """Return the record of each job, whose status is given in the same order."""
        standing = {row.pop("job"): row for row in self._rows(STANDING)}
        runs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for day in self._rows(LAST_DAY):
            runs[day["job"]][day["status"]] = day["runs"]
            rows[day["job"]].update({kind: day[kind] for kind in ROW_KINDS})
        return [
            TrackRecord(
                status=status,
                timeout=job.timeout,
                runs_last_day=runs[job.name],
                rows_last_day=rows[job.name],
                **_standing(standing.get(job.name), is_running=status.is_running),
            )
            for job, status in zip(jobs, statuses, strict=True)
        ]

    def recent(self, jobs: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the last runs of each job that were tried and have ended, the newest first.

        They are the columns of ``sync_runs_v1``; at most ``limit`` runs of a job.
        """
        return self._rows(RECENT, jobs=list(jobs), limit=limit)

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the last of all runs, the newest first, as the columns of ``sync_runs_v1``."""
        return self._rows(LATEST, limit=limit)

    def open_rejects(self) -> list[dict[str, Any]]:
        """Return job, reason, column_name, count and since of the rejects nobody resolved."""
        return self._rows(OPEN_REJECTS)

    def _rows(self, query: LiteralString, **parameters: object) -> list[dict[str, Any]]:
        with (
            self.session.transaction(),
            self.session.connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query, parameters | {"source": self.source}).fetchall()


def _standing(row: dict[str, Any] | None, *, is_running: bool) -> dict[str, Any]:
    if row is None:
        return {}
    # A process that vanished leaves its run open until the next one closes it.
    since = row["running_since"] if is_running else None
    return {
        "consecutive_failures": row["consecutive_failures"],
        "open_rejects": row["open_rejects"],
        "running_since": since,
        "watermark_at": _moment(row["watermark"], row["watermark_type"]),
    }


def _moment(watermark: str | None, kind: str | None) -> datetime | None:
    if watermark is None or kind is None:
        return None
    point = WatermarkType(kind).parse(watermark)
    if isinstance(point, int):
        return None
    return point if isinstance(point, datetime) else datetime.combine(point, time(), UTC)
