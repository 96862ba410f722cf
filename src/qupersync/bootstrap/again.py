"""Windows of the past, read again: backfill, retry and replay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from qupersync.application.again import Turn, replayed, retries
from qupersync.application.backfill import Backfill, PlanBackfill, Span, backfilled
from qupersync.application.order import Order
from qupersync.application.preflight import checked
from qupersync.application.selection import selected
from qupersync.bootstrap.app import App
from qupersync.bootstrap.passes import Outcome
from qupersync.bootstrap.working import working
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Trigger

OnRun = Callable[[Run], None]


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
    on_piece: Callable[[Backfill, Run], None],
) -> Outcome:
    """Read a past span of the selected jobs again, those with a watermark in time if none is named.

    ``on_plan`` is called once before anything is read, ``on_piece`` after each piece.

    Raises:
        QuperSyncError: nothing was tried: selection, span, configuration, a server.
    """
    jobs = selected(app.jobs_file.jobs, options.names)
    order = _ready(app, jobs, Trigger.BACKFILL, options.pass_id, options.batch_rows)
    if not options.names:
        jobs = tuple(job for job in jobs if _has_past(job, order))
    plan = PlanBackfill(open_source=app.servers.source, open_target=app.servers.target)
    span = Span(
        since=options.since, until=options.until, chunk=options.chunk, resume=options.resume
    )
    plans = [plan(job, order, span) for job in jobs]
    on_plan(plans)
    runs: list[Run] = []
    with working(app.servers, _unheard) as (run_job, stop):
        for planned in plans:
            for run in backfilled(planned, order, run_job):
                runs.append(run)
                on_piece(planned, run)
    return Outcome(runs=tuple(runs), errors=(), refusal_code="", signal=stop.signal)


def retry(app: App, run_id: UUID | None, on_end: OnRun) -> Outcome:
    """Run again what failed last, or one failed run; no runs if nothing failed."""
    order = _ready(app, app.jobs_file.jobs, Trigger.RETRY)
    return _work(app, retries(app.jobs_file.jobs, order, app.servers.target, run_id), on_end)


def replay(app: App, run_id: UUID, on_end: OnRun) -> Outcome:
    """Read exactly the window of a past run again."""
    order = _ready(app, app.jobs_file.jobs, Trigger.REPLAY)
    return _work(app, [replayed(app.jobs_file.jobs, order, app.servers.target, run_id)], on_end)


def _work(app: App, turns: Iterable[Turn], on_end: OnRun) -> Outcome:
    runs: list[Run] = []
    with working(app.servers, _unheard) as (run_job, stop):
        for job, order in turns:
            if not stop.is_requested():
                runs.append(run := run_job(job, order))
                on_end(run)
    return Outcome(runs=tuple(runs), errors=(), refusal_code="", signal=stop.signal)


def _ready(
    app: App,
    jobs: Sequence[Job],
    trigger: Trigger,
    pass_id: UUID | None = None,
    batch_rows: int | None = None,
) -> Order:
    app.prepare()
    order = Order(
        source=app.settings.sync.source,
        trigger=trigger,
        correlation_id=pass_id or uuid4(),
        batch_rows=batch_rows or app.settings.sync.batch_size,
    )
    servers = app.servers
    order = checked(order, jobs, servers.target, servers.source, servers.flavor)
    if order.refusal is not None:
        raise order.refusal
    return order


def _has_past(job: Job, order: Order) -> bool:
    in_time = job.watermark is not None and isinstance(job.watermark.overlap, timedelta)
    return in_time and job.sql_for(order.flavor) is not None


def _unheard(_run: Run) -> None:
    """Nobody asked to be told that a run begins."""
