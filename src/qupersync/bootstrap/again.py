"""Windows of the past, read again: backfill, retry and replay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from qupersync.application.again import Turn, replayed, retries
from qupersync.application.backfill import Backfill, PlanBackfill, Span, backfilled
from qupersync.application.order import Order
from qupersync.bootstrap.app import App
from qupersync.bootstrap.orders import ready
from qupersync.bootstrap.passes import Outcome
from qupersync.bootstrap.working import Listener, working
from qupersync.domain.errors import QuperSyncError
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillOptions:
    """What the command line says about a backfill; times in UTC, no ``until`` means now."""

    names: Sequence[str]
    since: datetime
    until: datetime | None
    chunk: timedelta
    resume: bool
    batch_rows: int | None
    pass_id: UUID = field(default_factory=uuid4)


def backfill(
    app: App,
    options: BackfillOptions,
    on_plan: Callable[[Sequence[Backfill]], None],
    listener: Listener,
) -> Outcome:
    """Read a past span of the selected jobs again, those with a watermark in time if none is named.

    ``on_plan`` is called once before anything is read; each piece is a run.

    Raises:
        QuperSyncError: nothing was tried: selection, span, configuration, a server.
    """
    jobs = app.selected(options.names)
    order = ready(app, jobs, Trigger.BACKFILL, options.pass_id, options.batch_rows)
    if not options.names:
        jobs = tuple(job for job in jobs if _has_past(job, order))
    plan = PlanBackfill(
        open_source=app.servers.source, open_target=partial(app.servers.target, read_only=True)
    )
    span = Span(
        since=options.since, until=options.until, chunk=options.chunk, resume=options.resume
    )
    plans, errors = _planned(jobs, partial(plan, order=order, span=span))
    on_plan(plans)
    runs: list[Run] = []
    with working(app.servers, listener, order.correlation_id) as (run_job, stop):
        for planned in plans:
            for run in backfilled(planned, order, run_job):
                runs.append(run)
                listener.on_end(run)
    return Outcome(runs=tuple(runs), errors=errors, refusal_code="", signal=stop.signal)


def _planned(
    jobs: Sequence[Job], plan: Callable[[Job], Backfill]
) -> tuple[list[Backfill], tuple[QuperSyncError, ...]]:
    """Return the plans, and the errors of jobs that have none: these stop no other.

    Raises:
        QuperSyncError: no job has a plan.
    """
    plans: list[Backfill] = []
    errors: list[QuperSyncError] = []
    for job in jobs:
        try:
            plans.append(plan(job))
        except QuperSyncError as error:
            if not str(error).startswith(f"job {job.name} "):
                error.args = (f"job {job.name}: {error}",)
            errors.append(error)
    if errors and not plans:
        raise errors[0]
    return plans, tuple(errors)


def retry(app: App, run_id: UUID | None, listener: Listener) -> Outcome:
    """Run again what failed last, or one failed run; no runs if nothing failed."""
    order = ready(app, app.jobs_file.jobs, Trigger.RETRY)
    turns = retries(app.jobs_file.jobs, order, app.servers.target, run_id)
    return _work(app, order.correlation_id, turns, listener)


def replay(app: App, run_id: UUID, listener: Listener) -> Outcome:
    """Read exactly the window of a past run again."""
    order = ready(app, app.jobs_file.jobs, Trigger.REPLAY)
    turn = replayed(app.jobs_file.jobs, order, app.servers.target, run_id)
    return _work(app, order.correlation_id, [turn], listener)


def _work(app: App, pass_id: UUID, turns: Iterable[Turn], listener: Listener) -> Outcome:
    runs: list[Run] = []
    with working(app.servers, listener, pass_id) as (run_job, stop):
        for job, order in turns:
            if not stop.is_requested():
                runs.append(run := run_job(job, order))
                listener.on_end(run)
    return Outcome(runs=tuple(runs), errors=(), refusal_code="", signal=stop.signal)


def _has_past(job: Job, order: Order) -> bool:
    in_time = job.watermark is not None and isinstance(job.watermark.overlap, timedelta)
    return in_time and job.sql_for(order.flavor) is not None
