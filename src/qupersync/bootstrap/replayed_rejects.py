"""The command rejects replay, plugged together: which rejects, and what runs them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import uuid4

from qupersync.application.order import Order
from qupersync.application.replayed_rejects import ReplayRejects, read_again
from qupersync.bootstrap.app import App
from qupersync.bootstrap.passes import Outcome
from qupersync.bootstrap.rejects import FORMATS, Which, found, log_of
from qupersync.bootstrap.working import Listener, working
from qupersync.domain.batch import Batch
from qupersync.domain.errors import SelectionError
from qupersync.domain.job import Job
from qupersync.domain.ports import Target as AnyTarget
from qupersync.domain.run import Run, Trigger
from qupersync.infrastructure.postgres.kept_rejects import KeptRejects
from qupersync.infrastructure.postgres.reject_log import RejectLog, Waiting
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift.fetching import batch_of
from qupersync.infrastructure.redshift.layout import Layout

RESOLVED_FOR_GOOD = {"replayed", "superseded"}


def replay(
    app: App, which: Which, on_left_out: Callable[[str], None], listener: Listener
) -> Outcome:
    """Load rejects as if they had just been read, all those of a job in one run.

    The run is a repeat of the last one that set some of them aside. ``on_left_out`` is told why
    rejects of a job cannot be loaded.

    Raises:
        QuperSyncError: nothing was tried: selection, configuration, target not ready.
    """
    app.prepare()
    with log_of(app) as log:
        _require_in_file(log, which.jobs, app.jobs_file.jobs)
        jobs = {job.name: job for job in app.selected(which.jobs)}
        if which.ids:
            _require_known(log, which.ids, jobs)
        waiting = log.waiting(list(jobs), which.ids or None)
    for each in waiting:
        _tell_unreadable(jobs[each.job], each, which, on_left_out)
    with app.servers.target() as target:
        target.require_ready([jobs[each.job] for each in waiting])
    runs: list[Run] = []
    pass_id = uuid4()
    order = Order(source=app.settings.sync.source, trigger=Trigger.REPLAY, correlation_id=pass_id)
    with working(app.servers, listener, pass_id) as (run_job, stop):
        for each in waiting:
            if each.rows and not stop.is_requested():
                replayed = ReplayRejects.of(run_job, partial(_kept, each.job, which.ids or None))
                run = replayed(jobs[each.job], replace(order, replay_of=each.last_run))
                runs.append(run)
                listener.on_end(run)
    return Outcome(runs=tuple(runs), errors=(), refusal_code="", signal=stop.signal)


def _require_in_file(log: RejectLog, names: Sequence[str], jobs: Sequence[Job]) -> None:
    gone = set(names).difference(job.name for job in jobs)
    for name in gone.intersection(log.counts()) if gone else ():
        raise SelectionError(
            f"job {name} is not in the jobs file, though it left rejects",
            hint=f"put the job back, or: qupersync rejects discard {name} --all",
        )


def _require_known(log: RejectLog, ids: Sequence[int], jobs: Mapping[str, Job]) -> None:
    for number in ids:
        reject = found(log, number)
        if reject["job"] not in jobs:
            raise SelectionError(
                f"reject {number} is of job {reject['job']}, which is not in the jobs file",
                hint=f"put the job back, or: qupersync rejects discard {number}",
            )
        if reject["resolution"] in RESOLVED_FOR_GOOD:
            raise SelectionError(
                f"reject {number} is {reject['resolution']} already: its key is loaded",
                hint="qupersync rejects list",
            )
        job = jobs[reject["job"]]
        if reject["resolution"] and job.watermark is None:
            raise SelectionError(
                f"reject {number} is discarded: nobody knows whether its key was loaded since",
                hint=f"read it again: {read_again(job)}",
            )


def _tell_unreadable(
    job: Job, waiting: Waiting, which: Which, on_left_out: Callable[[str], None]
) -> None:
    if not waiting.unreadable:
        return
    rows = f"{waiting.unreadable} row{'' if waiting.unreadable == 1 else 's'}"
    why = f"{rows} of job {job.name} were set aside by a version that did not keep their columns"
    if which.ids or not waiting.rows:
        raise SelectionError(why, hint=f"read them again: {read_again(job)}")
    on_left_out(f"{why} -> {read_again(job)}")


def _kept(job: str, ids: Sequence[int] | None, target: AnyTarget) -> KeptRejects:
    if not isinstance(target, Target):
        raise AssertionError("every target is a PostgreSQL")  # noqa: TRY004 - a bug, not a type
    return KeptRejects(
        session=target.session,
        source=target.leases.source,
        job=job,
        ids=ids,
        formats=FORMATS,
        decoded=_decoded,
    )


def _decoded(payload_format: str, payloads: Sequence[bytes]) -> Batch:
    return batch_of(Layout.kept(payload_format), payloads)
