"""The target behind ``ports.Target``: one connection, one job, fenced transactions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg.sql import SQL, Identifier

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import LeaseLostError
from qupersync.domain.job import Job
from qupersync.domain.ports import Lease, State
from qupersync.domain.watermark import WatermarkType
from qupersync.infrastructure.postgres import rejects
from qupersync.infrastructure.postgres.catalog import TargetTable
from qupersync.infrastructure.postgres.leases import (
    Leases,
    fence,
    identity,
    require_own_targets,
)
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.revision import Revision
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.staging import Staging
from qupersync.infrastructure.postgres.unit import Standing, Unit

STATE = """
SELECT watermark, watermark_type, details ->> 'watermark_column', target_table, batch_seq
  FROM quper.qupersync_state WHERE source = %(source)s AND job = %(job)s
"""
ADOPT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = NULL, watermark_type = NULL,
       details = details - 'watermark_column'
 WHERE source = %(source)s AND job = %(job)s
"""
IS_EMPTY = SQL("SELECT NOT EXISTS (SELECT FROM {})")


@dataclass(frozen=True, slots=True)
class Target:
    """Keeps the promises of ``ports.Target``."""

    session: Session
    leases: Leases
    runs: RunLog

    def abort(self) -> None:
        """Keep the promise of ``ports.Target.abort``."""
        self.session.cancel()

    def require_ready(self, jobs: Sequence[Job]) -> None:
        """Keep the promise of ``ports.Target.require_ready``."""
        Revision.of(self.session).require()
        require_own_targets(self.session, self.leases.source, jobs)

    def table(self, job: Job, lease: Lease) -> "Table":
        """Keep the promise of ``ports.Target.table``."""
        target = TargetTable.of(job, self.session)
        table = Table(self.session, target, Standing(lease, target.watermark_type))
        table.state()
        return table


@dataclass(slots=True)
class Table:
    """Keeps the promises of ``ports.Table``."""

    session: Session
    target: TargetTable
    standing: Standing

    def columns(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        """Keep the promise of ``ports.Table.columns``."""
        return self.target.specs(names)

    def is_empty(self) -> bool:
        """Keep the promise of ``ports.Table.is_empty``."""
        name = self.target.job.target
        with self.session.transaction() as cursor:
            row = cursor.execute(IS_EMPTY.format(Identifier(name.schema, name.table))).fetchone()
        return bool(row and row[0])

    def state(self) -> State:
        """Keep the promise of ``ports.Table.state``."""
        with self.session.transaction() as cursor:
            row = cursor.execute(STATE, identity(self.standing.lease)).fetchone()
            self.standing.open_keys = rejects.open_keys(cursor, self.standing.lease)
        if row is None:
            raise LeaseLostError
        watermark, kind, column, table, self.standing.batch_seq = row
        stored = None if watermark is None else WatermarkType(kind).parse(watermark)
        misfit = "" if stored is None else self._misfit(kind, column, table)
        return State(watermark=stored, batch_seq=self.standing.batch_seq, misfit=misfit)

    def _misfit(self, kind: str, column: str | None, table: str) -> str:
        job = self.target.job
        if table != str(job.target):
            return f"it is of the table {table}"
        if job.watermark and column not in {None, job.watermark.column}:
            return f"it is of the column {column!r}"
        now = self.standing.kind
        return "" if now and WatermarkType(kind).python is now.python else f"it is a {kind}"

    def adopt(self) -> None:
        """Keep the promise of ``ports.Table.adopt``."""
        with self.session.transaction() as cursor:
            fence(cursor, self.standing.lease)
            values = identity(self.standing.lease) | {"target": str(self.target.job.target)}
            cursor.execute(ADOPT, values)

    @contextmanager
    def unit(self, columns: Sequence[str], *, idle_limit_s: float) -> Iterator[Unit]:
        """Keep the promise of ``ports.Table.unit``."""
        idle = f"{round(idle_limit_s * 1000)}ms"
        whole = f"{round(self.target.job.timeout.total_seconds() * 1000)}ms"
        with self.session.transaction(
            idle_in_transaction_session_timeout=idle, statement_timeout=whole
        ) as cursor:
            fence(cursor, self.standing.lease)
            staging = Staging(
                self.session.connection,
                cursor,
                self._load_sql(columns),
                self.target.key_indexes,
                self.target.job.max_rejects,
            )
            staging.create()
            yield Unit(self.standing, cursor, staging)
        self.standing.batch_seq += 1

    def _load_sql(self, columns: Sequence[str]) -> LoadSql:
        job, known = self.target.job, self.target.columns
        spec = job.watermark
        return LoadSql(
            target=job.target,
            columns=tuple(columns),
            collated=frozenset(name for name in columns if known[name].is_collated),
            key=job.key,
            watermark=spec.column if spec else None,
            kind=self.standing.kind,
            settled=spec.settled if spec else None,
        )
