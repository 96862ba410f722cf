"""The target's side of a proof behind ``ports.Copy``: every transaction is a read-only one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qupersync.domain.job import Job
from qupersync.domain.likeness import Likeness
from qupersync.domain.verdict import Content, Coverage
from qupersync.domain.watermark import Point, WatermarkType, Window
from qupersync.infrastructure.postgres import content_sql
from qupersync.infrastructure.postgres.coverage import coverage
from qupersync.infrastructure.postgres.table import Table
from qupersync.infrastructure.postgres.target import Target

OPEN_REJECTS = """
SELECT count(*) FROM quper.sync_rejects
 WHERE source = %(source)s AND sync_job_id = %(job)s AND resolved_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """Keeps the promises of ``ports.Copy``."""

    job: Job
    source: str
    table: Table

    @classmethod
    def of(cls, job: Job, target: Target) -> "Copy":
        """Look at the job's table over a connection that from now on only reads.

        Raises: as ``ports.Target.look`` does.
        """
        target.session.connection.read_only = True
        return cls(job, target.leases.source, target.look(job))

    def coverage(self, kept: Point | None) -> Coverage:
        """Keep the promise of ``ports.Copy.coverage``."""
        with self.table.session.transaction() as cursor:
            return coverage(cursor, self._names, self._kind, kept)

    def open_rejects(self) -> int:
        """Keep the promise of ``ports.Copy.open_rejects``."""
        [(count,)] = self.table.session.rows(OPEN_REJECTS, self._names)
        return int(count)

    def contents(self, likeness: Likeness, windows: Sequence[Window]) -> Mapping[Window, Content]:
        """Keep the promise of ``ports.Copy.contents``."""
        query = content_sql.contents(self.job.target, likeness, self._kind, windows)
        limit = f"{round(self.job.timeout.total_seconds() * 1000)}ms"
        with self.table.session.transaction(statement_timeout=limit) as cursor:
            rows = cursor.execute(query).fetchall()
        return {windows[place]: Content(count, int(total)) for place, count, total in rows}

    @property
    def _names(self) -> dict[str, Any]:
        return {"source": self.source, "job": self.job.name}

    @property
    def _kind(self) -> WatermarkType:
        if self.table.watermark_type is None:
            raise AssertionError("only a job with a watermark can be proved")
        return self.table.watermark_type
