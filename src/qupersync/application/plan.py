"""Finds out what the next run of a job would do, and does none of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from qupersync.application.due import Due
from qupersync.application.order import Order
from qupersync.application.source_look import look_and_gap
from qupersync.domain.duration import format_duration
from qupersync.domain.errors import QueryError, QuperSyncError
from qupersync.domain.job import Job
from qupersync.domain.load_path import RAW, path_of
from qupersync.domain.plan import Plan, Prospect
from qupersync.domain.ports import Source, Table, Target
from qupersync.domain.query import bound, counted, without_rows
from qupersync.domain.row_check import RowCheck
from qupersync.domain.watermark import Point, WatermarkType, before, canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Plans one job at a time; ``open_source`` takes the job's time limit in seconds.

    With ``counts`` the source is asked how many rows there are to read.
    """

    open_source: Callable[[float], AbstractContextManager[Source]]
    open_target: Callable[[], AbstractContextManager[Target]]
    counts: bool

    def __call__(self, job: Job, order: Order) -> Plan:
        """Return the plan; with an error, if there is one, beside what was found out before it."""
        plan = Plan(job=job)
        try:
            for known in self._found_out(plan, order):
                plan = known
        except QuperSyncError as error:
            plan = replace(plan, prospect=Prospect.FAIL, error=error)
        return plan

    def _found_out(self, plan: Plan, order: Order) -> Iterator[Plan]:
        job, sql = plan.job, plan.job.sql_for(order.flavor)
        if sql is None:
            why = f"the job has no SQL for {order.flavor} Redshift"
            yield replace(plan, prospect=Prospect.SKIP, why=why)
            return
        with self.open_target() as target:
            plan = replace(plan, held_by=target.leases.holder(job))
            yield plan
            table = target.look(job)
            with self.open_source(job.timeout.total_seconds()) as source:
                yield from self._asked(plan, order, sql, table, source)

    def _asked(
        self, plan: Plan, order: Order, sql: str, table: Table, source: Source
    ) -> Iterator[Plan]:
        job, due = plan.job, None
        if job.mode == "incremental":
            due = Due.of(job, order, table, source)
        plan = _of_snapshot(plan) if due is None else _of_window(plan, order, due)
        yield plan
        if plan.pieces == 0:
            return
        plan = replace(plan, sql=bound(sql, None if due is None else next(due.pieces(order))))
        (batch,) = source.read(without_rows(plan.sql), batch_rows=1)
        columns = table.columns(batch.names)
        block = RowCheck.compile(columns, job.key, batch.names).block(batch)
        path = path_of(job, columns, batch.names, batch.encodings)
        late = None if due is None else due.late(order)
        newer = due is not None and order.keeps_newer
        plan = replace(
            plan,
            path=path,
            batch_rows=order.batch_rows_of(job, path),
            merge=table.merge_statement(block, late, is_raw=path.name == RAW, keeps_newer=newer),
        )
        yield plan
        if due is not None:
            plan = replace(plan, notes=(*plan.notes, *_gaps(job, sql, source, table, due)))
            yield plan
        if self.counts:
            (rows,) = source.ask(counted(bound(sql, plan.window)))
            yield replace(plan, rows=int(str(rows)))


def _of_snapshot(plan: Plan) -> Plan:
    job = plan.job
    notes = f"rows that the query does not return are deleted, at most {job.max_delete}"
    return replace(
        plan,
        why="snapshot: the whole result in each run",
        pieces=1,
        notes=(notes,) if job.delete_missing else (),
    )


def _of_window(plan: Plan, order: Order, due: Due) -> Plan:
    pieces = 0 if due.window.is_empty else sum(1 for _ in due.pieces(order))
    return replace(
        plan,
        window=due.window,
        why=f"{_why_low(order, due)}; {_why_high(due)}",
        pieces=pieces,
        notes=tuple(_notes(plan.job, due)),
    )


def _why_low(order: Order, due: Due) -> str:
    first, stored = _spelled(due.spec.initial), due.state.watermark
    if stored is None:
        return f"from initial, {first}: there is no watermark to go on from"
    usual = f"watermark {canonical(stored)} less overlap {_spelled(due.spec.overlap)}"
    if order.from_initial:
        return f"from initial, {first}, or from {usual}, whichever is earlier"
    return f"from {usual}"


def _why_high(due: Due) -> str:
    if due.window.high is None:
        return "up to the newest number"
    is_date = due.frontier.type is WatermarkType.DATE
    until = "up to the end of the day of" if is_date else "up to"
    clock, lag = canonical(due.frontier.clock), format_duration(due.spec.lag)
    return f"{until} the source's clock {clock} less lag {lag}"


def _spelled(value: timedelta | Point) -> str:
    return format_duration(value) if isinstance(value, timedelta) else canonical(value)


def _notes(job: Job, due: Due) -> Iterator[str]:
    if due.window.is_empty:
        yield "the source's clock is behind the watermark: nothing to read"
    stored, late = due.state.watermark, due.frontier.late(due.state.reached)
    if due.state.is_corrected:
        yield "somebody set the watermark, and no run has moved it since"
    elif (
        due.spec.settled and stored is not None and late and late.high and before(stored, late.high)
    ):
        yield (
            f"the last run read up to {canonical(late.high)}, the watermark stayed behind: "
            "a row that was open then may hold it back"
        )
    if job.retention is not None:
        yield f"rows older than {format_duration(job.retention)} are deleted after it"


def _gaps(job: Job, sql: str, source: Source, table: Table, due: Due) -> Iterator[str]:
    if due.frontier.high is None:
        return
    try:
        _, gap = look_and_gap(job, sql, source, table, due.frontier.unlagged, due.state)
    except QueryError as error:
        yield f"the source's oldest row is not known: {error}"
        return
    if gap is not None:
        yield f"gap to come: the source no longer holds {gap}, rows of that span may be lost"
