"""A job's table behind ``ports.Table``: its state, and fenced transactions on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg.sql import SQL, Identifier, Literal

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import TargetUnavailableError
from qupersync.domain.gap import Gap
from qupersync.domain.ports import Doubt, InDoubtError, Staged, State
from qupersync.domain.row_check import Block
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical
from qupersync.infrastructure.postgres import job_state, rejects
from qupersync.infrastructure.postgres.ahead import Ahead, Spare
from qupersync.infrastructure.postgres.catalog import TargetTable
from qupersync.infrastructure.postgres.leases import fence, identity
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.raw_load import RawLoad
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.stage_sql import WHOLE
from qupersync.infrastructure.postgres.staging import Staging
from qupersync.infrastructure.postgres.unit import Standing, Unit

NEWEST_BEFORE = SQL("SELECT max({mark})::text FROM {table} WHERE {mark} < CAST({point} AS {kind})")
IS_EMPTY = SQL("SELECT NOT EXISTS (SELECT FROM {})")


@dataclass(slots=True)
class Table:
    """Keeps the promises of ``ports.Table``."""

    session: Session
    target: TargetTable
    standing: Standing
    raw_load: RawLoad
    spare: Spare | None = None

    @property
    def watermark_type(self) -> WatermarkType | None:
        """Keep the promise of ``ports.Table.watermark_type``."""
        return self.standing.kind

    def columns(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        """Keep the promise of ``ports.Table.columns``."""
        return self.target.specs(names)

    def merge_statement(
        self, columns: Sequence[str], late: Window | None, *, keeps_newer: bool
    ) -> str:
        """Keep the promise of ``ports.Table.merge_statement``."""
        merge = self._load_sql(columns, keeps_newer=keeps_newer).merge(**WHOLE, late=late)
        return merge.as_string(self.session.connection).strip()

    def is_empty(self) -> bool:
        """Keep the promise of ``ports.Table.is_empty``."""
        name = self.target.job.target
        with self.session.transaction() as cursor:
            row = cursor.execute(IS_EMPTY.format(Identifier(name.schema, name.table))).fetchone()
        return bool(row and row[0])

    def state(self) -> State:
        """Keep the promise of ``ports.Table.state``."""
        with self.session.transaction() as cursor:
            known = job_state.stored(cursor, identity(self.standing.lease))
            self.standing.open_keys = rejects.open_keys(cursor, self.standing.lease)
        self.standing.batch_seq = known.batch_seq
        watermark = reached = lost_until = None
        if known.type is not None:
            kind = WatermarkType(known.type)
            watermark, reached = kind.read(known.watermark), kind.read(known.reached)
            lost_until = kind.read(known.lost_until)
        return State(
            watermark=watermark,
            is_new=known.is_new,
            now=known.now,
            misfit="" if watermark is None else self._misfit(known),
            reached=reached,
            kept=known.kept,
            is_corrected=known.is_corrected,
            lost_until=lost_until,
            seen=known.seen,
        )

    def _misfit(self, known: job_state.Stored) -> str:
        job = self.target.job
        if known.table != str(job.target):
            return f"it is of the table {known.table}"
        if job.watermark and known.column not in {None, job.watermark.column}:
            return f"it is of the column {known.column!r}"
        now = self.standing.kind
        fits = now and WatermarkType(known.type or "").python is now.python
        return "" if fits else f"it is a {known.type}"

    def newest_before(self, point: Point) -> Point | None:
        """Keep the promise of ``ports.Table.newest_before``."""
        job, kind = self.target.job, self.standing.kind
        if job.watermark is None or kind is None:
            raise AssertionError("only an incremental job has a watermark")
        query = NEWEST_BEFORE.format(
            mark=Identifier(job.watermark.column),
            table=Identifier(job.target.schema, job.target.table),
            point=Literal(canonical(point)),
            kind=SQL(kind.value),
        )
        with self.session.transaction() as cursor:
            row = cursor.execute(query).fetchone()
        return kind.read(row[0]) if row else None

    def note_look(self, kept: timedelta | None, gap: Gap | None) -> None:
        """Keep the promise of ``ports.Table.note_look``."""
        with self.session.transaction() as cursor:
            fence(cursor, self.standing.lease)
            job_state.note_look(cursor, identity(self.standing.lease), kept, gap)

    def unsettled_gaps(self) -> Sequence[Gap]:
        """Keep the promise of ``ports.Table.unsettled_gaps``."""
        if self.standing.kind is None:
            return ()
        with self.session.transaction() as cursor:
            names = identity(self.standing.lease)
            return job_state.unsettled_gaps(cursor, names, self.standing.kind)

    def settle(self, gap: Gap, *, is_gap: bool) -> None:
        """Keep the promise of ``ports.Table.settle``."""
        with self.session.transaction() as cursor:
            fence(cursor, self.standing.lease)
            job_state.settle(cursor, identity(self.standing.lease), gap, is_gap=is_gap)

    def adopt(self) -> None:
        """Keep the promise of ``ports.Table.adopt``."""
        with self.session.transaction() as cursor:
            fence(cursor, self.standing.lease)
            values = identity(self.standing.lease) | {"target": str(self.target.job.target)}
            cursor.execute(job_state.ADOPT, values)

    def correct(self, watermark: Point | None, by: str) -> None:
        """Keep the promise of ``ports.Table.correct``."""
        job, kind = self.target.job, self.standing.kind
        column = job.watermark.column if job.watermark else None
        names = identity(self.standing.lease) | {"target": str(job.target), "by": by}
        with self.session.transaction() as cursor:
            fence(cursor, self.standing.lease)
            job_state.correct(cursor, names, watermark, column, kind)

    @contextmanager
    def unit(
        self,
        columns: Sequence[str],
        *,
        idle_limit_s: float,
        keeps_newer: bool = False,
        keeps_same: bool = False,
    ) -> Iterator[Unit]:
        """Keep the promise of ``ports.Table.unit``."""
        with self.unfenced(
            columns, idle_limit_s=idle_limit_s, keeps_newer=keeps_newer, keeps_same=keeps_same
        ) as unit:
            unit.fence()
            yield unit

    @contextmanager
    def unfenced(
        self,
        columns: Sequence[str],
        *,
        idle_limit_s: float,
        keeps_newer: bool,
        keeps_same: bool = False,
    ) -> Iterator[Unit]:
        """Open a unit that may only stage until its fence: it holds nobody up, however long."""
        whole = f"{round(self.target.job.timeout.total_seconds() * 1000)}ms"
        limits = {"idle_in_transaction_session_timeout": whole, "statement_timeout": whole}
        with self._in_doubt() as commits, self.session.transaction(**limits) as cursor:
            staging = Staging(
                self.session.connection,
                cursor,
                self._load_sql(columns, keeps_newer=keeps_newer, keeps_same=keeps_same),
                self.target.key_indexes,
                self.target.job.max_rejects,
                self.raw_load,
            )
            unit = Unit(self.standing, cursor, staging, idle_limit_s)
            yield unit
            commits.append(unit)
        self.standing.batch_seq += unit.entries

    def staged(
        self,
        blocks: Iterator[Block],
        columns: Sequence[str],
        *,
        idle_limit_s: float,
        keeps_newer: bool,
    ) -> AbstractContextManager[Iterator[Staged]]:
        """Keep the promise of ``ports.Table.staged``."""
        ahead = Ahead(
            writer=self,
            writers=lambda session: replace(self, session=session),
            spare=self.spare,
            is_raw=self.raw_load.takes,
            limits={"columns": columns, "idle_limit_s": idle_limit_s, "keeps_newer": keeps_newer},
        )
        return ahead(blocks)

    @contextmanager
    def _in_doubt(self) -> Iterator[list[Unit]]:
        """Tell a connection that broke during the commit of a unit from one that broke before."""
        commits: list[Unit] = []
        pid = self.session.connection.info.backend_pid
        try:
            yield commits
        except TargetUnavailableError as error:
            for unit in filter(lambda unit: unit.xid, commits):
                doubt = Doubt(xid=unit.xid, pid=pid, ended=unit.ended)
                raise InDoubtError(str(error), doubt) from error
            raise

    def _load_sql(
        self, columns: Sequence[str], *, keeps_newer: bool, keeps_same: bool = False
    ) -> LoadSql:
        job, known = self.target.job, self.target.columns
        spec = job.watermark
        return LoadSql(
            target=job.target,
            columns=tuple(columns),
            collations={n: c for n in columns if (c := known[n].collation)},
            key=job.key,
            watermark=spec.column if spec else None,
            kind=self.standing.kind,
            settled=spec.settled if spec else None,
            keeps_newer=keeps_newer,
            keeps_same=keeps_same,
        )
