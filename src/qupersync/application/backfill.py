"""A past span of time, read again in pieces that are runs of their own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from uuid import UUID

from qupersync.application.due import Due
from qupersync.application.order import Order
from qupersync.application.retention import kept_from
from qupersync.application.run_job import RunJob
from qupersync.application.source_look import oldest_row
from qupersync.domain.errors import SpanError
from qupersync.domain.frontier import Frontier, Joint
from qupersync.domain.job import Job
from qupersync.domain.past_run import without
from qupersync.domain.ports import Source, Target
from qupersync.domain.run import Run, Status, Trigger
from qupersync.domain.watermark import (
    DAY,
    Point,
    WatermarkType,
    Window,
    before,
    canonical,
    earliest,
    latest,
)

MOST_PIECES = 1_000_000
PLAN_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What to read again: from when, until when (None is now), in pieces of which length.

    With ``resume`` what the job's last backfill has read already is left out.
    """

    since: datetime
    until: datetime | None
    chunk: timedelta
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The pieces of one job's backfill, oldest first, and what people should know before.

    ``joint`` is where they begin if nothing is left out between the watermark and them;
    ``correlation_id`` is that of all their runs.
    """

    job: Job
    windows: tuple[Window, ...]
    joint: Joint | None
    correlation_id: UUID
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBackfill:
    """Finds out what a backfill comes to; reads both sides and writes nothing."""

    open_source: Callable[[float], AbstractContextManager[Source]]
    open_target: Callable[[], AbstractContextManager[Target]]

    def __call__(self, job: Job, order: Order, span: Span) -> Backfill:
        """Return the pieces: of the span, what the source still holds and the job would keep.

        Raises:
            SpanError: the job has no watermark in time, or nothing can lie in the span.
            StateMissingError: nobody knows what the target lacks.
        """
        if job.watermark is None:
            raise SpanError("it is a snapshot, and reads everything in each run")
        with self.open_target() as target, self.open_source(PLAN_LIMIT_S) as source:
            due = Due.of(job, order, target.look(job), source)
            frontier = due.frontier
            wanted = _wanted(frontier, span)
            held = _held_from(job, order, source, frontier, due.state.now)
            pass_id, done = order.correlation_id, list[Window]()
            if span.resume and (last := target.past.last(job.name, Trigger.BACKFILL)):
                pass_id = last.correlation_id
                runs = target.past.done(job.name, pass_id)
                done = [window for run in runs if (window := run.window(frontier.type))]
        whole = Window(latest(held, wanted.low), wanted.high)
        rests = without(whole, done)
        return Backfill(
            job=job,
            windows=tuple(p for rest in rests for p in rest.pieces(span.chunk, MOST_PIECES)),
            joint=None
            if before(frontier.window().low, wanted.low)
            else Joint(low=whole.low, mark=frontier.stored),
            correlation_id=pass_id,
            notes=tuple(_notes(wanted, whole, len(done))),
        )


def _wanted(frontier: Frontier, span: Span) -> Window:
    if frontier.high is None:
        raise SpanError("its watermark is a number and has no time")
    low: Point = span.since
    high: Point = span.until or frontier.high
    if frontier.type is WatermarkType.DATE:
        low = span.since.date()
        if isinstance(high, datetime):
            high = high.date() if high.time() == time() else high.date() + DAY
    wanted = Window(low, earliest(high, frontier.high))
    if wanted.is_empty:
        raise SpanError(
            f"no time lies between {canonical(low)} and {canonical(wanted.high or high)}"
        )
    return wanted


def _held_from(
    job: Job, order: Order, source: Source, frontier: Frontier, now: datetime
) -> Point | None:
    sql = job.sql_for(order.flavor)
    oldest = None if sql is None else oldest_row(job, sql, source, frontier)
    kept = kept_from(job, frontier.type, min(now, frontier.clock))
    return oldest if kept is None else latest(oldest, kept)


def _notes(wanted: Window, whole: Window, done: int) -> Iterator[str]:
    if whole.is_empty:
        yield f"nothing is left of what lies before {canonical(wanted.high or wanted.low)}"
    elif before(wanted.low, whole.low):
        yield f"nothing is left from before {canonical(whole.low)}: it begins there"
    if done:
        yield f"{done} pieces of the last backfill are done and left out"


def backfilled(planned: Backfill, order: Order, run_job: RunJob) -> Iterator[Run]:
    """Yield the run of each piece; the first that does not succeed is the last.

    The lease is taken piece by piece, and waited for, so that other runs of the job get their
    turn. The watermark moves over a piece only if nothing is left out between: from where the
    next run would begin, or from a piece that this backfill has just read.
    """
    joint = planned.joint
    for window in planned.windows:
        if run_job.stop.is_requested():
            return
        piece = replace(
            order,
            trigger=Trigger.BACKFILL,
            correlation_id=planned.correlation_id,
            window=window,
            joint=joint,
            is_whole=True,
            waits=True,
        )
        run = run_job(planned.job, piece)
        yield run
        if run.status is not Status.SUCCESS:
            return
        joint = _joint(joint, window, run)


def _joint(joint: Joint | None, window: Window, run: Run) -> Joint | None:
    """Return where the next piece may join: not behind a hole, nor a row that may still change."""
    high, mark = window.high, run.watermark_after
    if joint is None or joint.low != window.low or run.oldest_open is not None:
        return None
    is_passed = high is not None and mark is not None and not before(mark, high)
    return Joint(low=high, mark=mark) if is_passed and high is not None else None
