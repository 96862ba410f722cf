"""What people may see of ``quper.sync_rejects``, and what they decide about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from qupersync.infrastructure.postgres.session import Session

_ONE = """
SELECT reject_id, sync_job_id AS job, key, column_name, reason, sqlstate, times_seen, rejected_at,
       resolution, resolved_at, run_id
"""
LISTED = (
    _ONE
    + """
  FROM quper.sync_rejects
 WHERE source = %(source)s AND sync_job_id = ANY (coalesce(%(jobs)s::text[], ARRAY[sync_job_id]))
   AND (resolved_at IS NULL OR %(resolved_too)s)
 ORDER BY reject_id DESC LIMIT %(limit)s
"""
)
SHOWN = (
    _ONE
    + """, row, octet_length(payload) AS payload_bytes, payload_format,
       encode(payload_sha256, 'hex') AS payload_sha256,
       payload_format LIKE ANY (%(formats)s) AS may_be_replayed
  FROM quper.sync_rejects WHERE source = %(source)s AND reject_id = %(id)s
"""
)
COUNTED = """
SELECT sync_job_id AS job, count(*) FILTER (WHERE resolved_at IS NULL) AS open
  FROM quper.sync_rejects WHERE source = %(source)s GROUP BY sync_job_id ORDER BY sync_job_id
"""
# An older version kept no names and types beside a row's bytes.
WAITING = """
SELECT r.sync_job_id AS job, count(*) FILTER (WHERE readable) AS rows,
       count(*) FILTER (WHERE NOT readable) AS unreadable,
       (array_agg(l.run_id ORDER BY l.started_at DESC) FILTER (WHERE l.run_id IS NOT NULL))[1]
         AS last_run
  FROM quper.sync_rejects AS r LEFT JOIN quper.sync_logs AS l USING (run_id),
       LATERAL (SELECT r.payload_format LIKE ANY (%(formats)s) AS readable) AS f
 WHERE r.source = %(source)s AND r.sync_job_id = ANY (%(jobs)s)
   AND CASE WHEN %(ids)s::bigint[] IS NULL THEN r.resolved_at IS NULL
            ELSE r.reject_id = ANY (%(ids)s) END
 GROUP BY r.sync_job_id ORDER BY r.sync_job_id
"""
DISCARD = """
UPDATE quper.sync_rejects SET resolved_at = clock_timestamp(), resolution = 'discarded'
 WHERE source = %(source)s AND resolved_at IS NULL
   AND (sync_job_id = ANY (%(jobs)s) OR reject_id = ANY (%(ids)s))
"""
_MOST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many of a job's rejects may be replayed, and how many not.

    ``last_run`` is the last run that set one of them aside, None if the log has none any more.
    """

    job: str
    rows: int
    unreadable: int
    last_run: UUID | None


@dataclass(frozen=True, slots=True)
class RejectLog:
    """The rejects of one source; ``formats`` are patterns of what a replay can read."""

    session: Session
    source: str
    formats: Sequence[str]

    def listed(
        self, jobs: Sequence[str] | None, limit: int, *, resolved_too: bool
    ) -> list[dict[str, Any]]:
        """Return the newest rejects of these jobs, None for all; without the rows themselves."""
        chosen = {"jobs": jobs and list(jobs), "limit": limit, "resolved_too": resolved_too}
        return self._rows(LISTED, chosen)

    def of(self, reject_id: int) -> dict[str, Any] | None:
        """Return one reject with its ``row`` and what its payload is; None if there is none."""
        found = self._rows(SHOWN, {"id": reject_id}) if reject_id < _MOST else []
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """Return how many rejects are open of each job that ever had one."""
        return {row["job"]: row["open"] for row in self._rows(COUNTED, {})}

    def waiting(self, jobs: Sequence[str], ids: Sequence[int] | None) -> list[Waiting]:
        """Return what there is to replay of each job: what is open, or these rejects."""
        chosen = {"jobs": list(jobs), "ids": None if ids is None else list(ids)}
        return [Waiting(**row) for row in self._rows(WAITING, chosen)]

    def discard(self, jobs: Sequence[str], ids: Sequence[int]) -> int:
        """Resolve the open rejects of these jobs and those with these ids; return how many."""
        chosen = {"source": self.source, "jobs": list(jobs), "ids": list(ids)}
        return self.session.execute(DISCARD, chosen)

    def _rows(self, query: LiteralString, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        values = {"source": self.source, "formats": list(self.formats)} | parameters
        with (
            self.session.transaction(),
            self.session.connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query, values).fetchall()
