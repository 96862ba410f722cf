"""What the target remembers of a job: its watermark, and what it saw of the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg.sql import SQL, Identifier, Literal

from qupersync.domain.gap import Gap
from qupersync.domain.ports import State
from qupersync.domain.watermark import Point, WatermarkType, canonical
from qupersync.infrastructure.postgres import job_state, rejects
from qupersync.infrastructure.postgres.catalog import TargetTable
from qupersync.infrastructure.postgres.leases import fence, identity
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.unit import Standing

NEWEST_BEFORE = SQL("SELECT max({mark})::text FROM {table} WHERE {mark} < CAST({point} AS {kind})")


@dataclass(slots=True)
class JobMemory:
    """Keeps those promises of ``ports.Table`` that are about the job's state."""

    session: Session
    target: TargetTable
    standing: Standing

    @property
    def watermark_type(self) -> WatermarkType | None:
        """Keep the promise of ``ports.Table.watermark_type``."""
        return self.standing.kind

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
