"""The target behind ``ports.Target``: one connection, one job, fenced transactions."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from qupersync.domain.batch import Checked, Reject, Tally
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import LeaseLostError, RowAccountingError
from qupersync.domain.job import Job
from qupersync.domain.ports import Lease, Merged, Observed, State
from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical
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
LEDGER = """
INSERT INTO quper.sync_batches (source, sync_job_id, batch_seq, run_id, fence, window_low,
    window_high, watermark, rows_extracted, rows_inserted, rows_updated, rows_unchanged,
    rows_deduplicated, rows_skipped, rows_deleted)
VALUES (%(source)s, %(job)s, %(seq)s + 1, %(run)s, %(fence)s, %(low)s, %(high)s, %(mark)s,
    %(extracted)s, %(inserted)s, %(updated)s, %(unchanged)s, %(deduplicated)s, %(skipped)s,
    %(deleted)s)
"""
ADVANCE = """
UPDATE quper.qupersync_state
   SET batch_seq = batch_seq + 1, fence = %(fence)s, watermark = coalesce(%(mark)s, watermark),
       watermark_type = coalesce(%(kind)s, watermark_type), updated_at = clock_timestamp(),
       details = details
                 || jsonb_strip_nulls(jsonb_build_object('watermark_column', %(column)s::text))
 WHERE source = %(source)s AND job = %(job)s AND batch_seq = %(seq)s AND fence <= %(fence)s
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
        table = Table(self.session, TargetTable.of(job, self.session), lease)
        table.state()
        return table


@dataclass(slots=True)
class Table:
    """Keeps the promises of ``ports.Table``."""

    session: Session
    target: TargetTable
    lease: Lease
    batch_seq: int = 0
    open_keys: set[str] = field(default_factory=set)

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
            row = cursor.execute(STATE, identity(self.lease)).fetchone()
            self.open_keys = rejects.open_keys(cursor, self.lease)
        if row is None:
            raise LeaseLostError
        watermark, kind, column, table, self.batch_seq = row
        stored = None if watermark is None else WatermarkType(kind).parse(watermark)
        misfit = "" if stored is None else self._misfit(kind, column, table)
        return State(watermark=stored, batch_seq=self.batch_seq, misfit=misfit)

    def _misfit(self, kind: str, column: str | None, table: str) -> str:
        job = self.target.job
        if table != str(job.target):
            return f"it is of the table {table}"
        if job.watermark and column not in {None, job.watermark.column}:
            return f"it is of the column {column!r}"
        is_alike = self.kind and WatermarkType(kind).python is self.kind.python
        return "" if is_alike else f"it is a {kind}"

    def adopt(self) -> None:
        """Keep the promise of ``ports.Table.adopt``."""
        with self.session.transaction() as cursor:
            fence(cursor, self.lease)
            values = identity(self.lease) | {"target": str(self.target.job.target)}
            cursor.execute(ADOPT, values)

    @contextmanager
    def unit(self, columns: Sequence[str], *, idle_limit_s: float) -> Iterator["Unit"]:
        """Keep the promise of ``ports.Table.unit``."""
        idle = f"{round(idle_limit_s * 1000)}ms"
        whole = f"{round(self.target.job.timeout.total_seconds() * 1000)}ms"
        with self.session.transaction(
            idle_in_transaction_session_timeout=idle, statement_timeout=whole
        ) as cursor:
            fence(cursor, self.lease)
            staging = Staging(
                self.session.connection,
                cursor,
                self._load_sql(columns),
                self.target.key_indexes,
                self.target.job.max_rejects,
            )
            staging.create()
            yield Unit(self, cursor, staging)
        self.batch_seq += 1

    def _load_sql(self, columns: Sequence[str]) -> LoadSql:
        job, known = self.target.job, self.target.columns
        spec = job.watermark
        return LoadSql(
            target=job.target,
            columns=tuple(columns),
            collated=frozenset(name for name in columns if known[name].is_collated),
            key=job.key,
            watermark=spec.column if spec else None,
            kind=self.kind,
            settled=spec.settled if spec else None,
        )

    @property
    def kind(self) -> WatermarkType | None:
        """Return the type of the watermark column; None for a snapshot."""
        spec = self.target.job.watermark
        if spec is None:
            return None
        return WatermarkType(str(self.target.specs(())[spec.column].type))


@dataclass(slots=True)
class Unit:
    """Keeps the promises of ``ports.Unit``."""

    table: Table
    cursor: Cursor[TupleRow]
    staging: Staging
    stage: Callable[[Checked], list[Reject]] = field(init=False)
    merge: Callable[[], Merged] = field(init=False)

    def __post_init__(self) -> None:
        self.stage, self.merge = self.staging.add, self.staging.merge

    def observe(self, window: Window, patience: Point | None, before: Point | None) -> Observed:
        """Keep the promise of ``ports.Unit.observe``."""
        points = {"low": window.low, "high": window.high, "patience": patience, "before": before}
        settled = self.staging.load_sql.settled
        parameters: dict[str, Any] = {name: _text(point) for name, point in points.items()}
        parameters["settled"] = list(settled.values) if settled else []
        row = self.cursor.execute(self.staging.load_sql.observe(), parameters).fetchone()
        missing, outside, given_up, oldest_open, newest = row or (0, 0, 0, None, None)
        if isinstance(oldest_open, datetime):
            oldest_open = oldest_open.replace(tzinfo=oldest_open.tzinfo or UTC)
        return Observed(
            missing=missing,
            outside=outside,
            given_up=given_up,
            oldest_open=oldest_open,
            newest=newest,
        )

    def missing(self) -> tuple[int, int]:
        """Keep the promise of ``ports.Unit.missing``."""
        row = self.cursor.execute(self.staging.load_sql.missing()).fetchone()
        return row or (0, 0)

    def delete_missing(self) -> int:
        """Keep the promise of ``ports.Unit.delete_missing``."""
        return self.cursor.execute(self.staging.load_sql.delete_missing()).rowcount

    def awaited(self, keys: Callable[[], Sequence[str]]) -> set[str]:
        """Keep the promise of ``ports.Unit.awaited``."""
        return self.table.open_keys.intersection(keys()) if self.table.open_keys else set()

    def supersede(self, keys: Collection[str]) -> None:
        """Keep the promise of ``ports.Unit.supersede``."""
        if keys:
            rejects.supersede(self.cursor, self.table.lease, keys)

    def set_aside(self, found: Sequence[Reject]) -> int:
        """Keep the promise of ``ports.Unit.set_aside``."""
        self.table.open_keys.update(reject.key for reject in found)
        return rejects.set_aside(self.cursor, self.table.lease, found)

    def commit(self, run: Run, tally: Tally, window: Window | None, mark: Point | None) -> None:
        """Keep the promise of ``ports.Unit.commit``; the transaction itself ends with its block."""
        if not tally.is_balanced:
            raise RowAccountingError(f"the counts of a batch do not add up: {tally}")
        values = identity(self.table.lease) | {
            "seq": self.table.batch_seq,
            "run": run.run_id,
            "low": _text(window.low if window else None),
            "high": _text(window.high if window else None),
            "mark": _text(mark),
            "kind": None if mark is None else self.table.kind,
            "column": None if mark is None else self.staging.load_sql.watermark,
            "extracted": tally.extracted,
            "inserted": tally.inserted,
            "updated": tally.updated,
            "unchanged": tally.unchanged,
            "deduplicated": tally.deduplicated,
            "skipped": tally.skipped,
            "deleted": tally.deleted,
        }
        self.cursor.execute(LEDGER, values)
        if self.cursor.execute(ADVANCE, values).rowcount != 1:
            raise LeaseLostError


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
