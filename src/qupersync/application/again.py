"""Past runs, run again: those that failed last, or exactly one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from uuid import UUID

from qupersync.application.order import Order
from qupersync.domain.errors import SelectionError, SpanError
from qupersync.domain.job import Job
from qupersync.domain.past_run import PastRun
from qupersync.domain.ports import Target
from qupersync.domain.run import Trigger

OpenTarget = Callable[[], AbstractContextManager[Target]]
Turn = tuple[Job, Order]


def retries(
    jobs: Sequence[Job], order: Order, open_target: OpenTarget, run_id: UUID | None = None
) -> list[Turn]:
    """Return what to run for the jobs whose last run failed, or for one past run.

    A window that was frozen is read again as it was; without one the job runs as it would anyway.

    Raises:
        SelectionError: there is no such run, it did not fail, or its job is not in the file.
    """
    with open_target() as target:
        if run_id is not None:
            job, past = _named(jobs, run_id, target)
            if not past.may_be_retried:
                raise SelectionError(
                    f"run {run_id} ended as {past.status}", hint=f"qupersync replay {run_id}"
                )
            return [(job, _again(job, past, order, target, Trigger.RETRY))]
        last = [(job, target.past.last(job.name)) for job in jobs]
        return [
            (job, _again(job, past, order, target, Trigger.RETRY))
            for job, past in last
            if past is not None and past.may_be_retried
        ]


def replayed(jobs: Sequence[Job], order: Order, open_target: OpenTarget, run_id: UUID) -> Turn:
    """Return what to run so that exactly the window of a past run is read again.

    Raises:
        SelectionError: there is no such run, or its job is not in the file.
        SpanError: that run came to no window.
    """
    with open_target() as target:
        job, past = _named(jobs, run_id, target)
        again = _again(job, past, order, target, Trigger.REPLAY)
    if again.window is None:
        raise SpanError(
            f"run {run_id} of job {job.name} read no window", hint=f"qupersync run {job.name}"
        )
    return job, again


def _named(jobs: Sequence[Job], run_id: UUID, target: Target) -> tuple[Job, PastRun]:
    past = target.past.find(run_id)
    if past is None:
        raise SelectionError(f"no run {run_id}", hint="qupersync history")
    for job in jobs:
        if job.name == past.job:
            return job, past
    raise SelectionError(f"run {run_id} is of job {past.job}, which is not in the jobs file")


def _again(job: Job, past: PastRun, order: Order, target: Target, trigger: Trigger) -> Order:
    window = None
    if past.window_low is not None and job.watermark is not None:
        kind = target.look(job).watermark_type
        window = past.window(kind) if kind else None
    return replace(order, trigger=trigger, window=window, replay_of=past.run_id)
