"""The life of one run: claim, open, window, load, close, release."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from qupersync.application.incremental import Incremental
from qupersync.application.order import Order
from qupersync.application.snapshot import Snapshot
from qupersync.domain.errors import (
    BugError,
    LeaseHeldError,
    QuperSyncError,
    StoppedError,
)
from qupersync.domain.job import Job
from qupersync.domain.ports import Clock, Heartbeat, Lease, NewId, Source, Stop, Target
from qupersync.domain.run import Run

NOT_ON_THIS_FLAVOR = "not-on-this-flavor"
# How often a run that waits for a held job looks again.
WAIT_S = 1.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Runs one job to its recorded end.

    ``open_source`` takes the job's time limit in seconds. ``on_begin`` is told of a run that has
    its lease, ``on_step`` of every batch that it has stored; both in the thread of the job.
    """

    open_source: Callable[[float], AbstractContextManager[Source]]
    open_target: Callable[[], AbstractContextManager[Target]]
    heartbeat: Heartbeat
    clock: Clock
    new_id: NewId
    stop: Stop
    on_begin: Callable[[Run], None] = lambda _run: None
    on_step: Callable[[Run], None] = lambda _run: None

    def __call__(self, job: Job, order: Order) -> Run:
        """Return the closed run: success, failed, dead, canceled or skipped.

        Where the target itself is lost the returned run is the only record.
        """
        run, lease = self._new_run(job, order), None
        try:
            with self.open_target() as target:
                lease = self._claimed(job, order, run, target)
                if lease is None:
                    run = run.skipped(LeaseHeldError.code, self.clock())
                run = target.runs.open(run)
                if lease is not None:
                    self.on_begin(run)
                    run = self._told(job, order, run, target, lease)
                    run = self._recorded(run, target, lease)
        except QuperSyncError as error:
            run = run if run.completed_at else run.ended_by(error, self.clock())
            run = self._recorded_again(run, lease)
        return run

    def _claimed(self, job: Job, order: Order, run: Run, target: Target) -> Lease | None:
        until = self.clock() + job.timeout
        while (lease := target.leases.claim(job, owner=run.run_id)) is None:
            if not order.waits or self.clock() >= until or self.stop.wait(WAIT_S):
                return None
        return lease

    def _recorded(self, run: Run, target: Target, lease: Lease) -> Run:
        run = target.runs.close(run)
        target.leases.release(lease)
        return run

    def _recorded_again(self, run: Run, lease: Lease | None) -> Run:
        if lease is None:
            return run
        # The connection may have broken with the run, or a dying session held the rows.
        try:
            with self.open_target() as target:
                return self._recorded(run, target, lease)
        except QuperSyncError as error:
            logger.warning("run not recorded", extra={"job": run.job, "error_code": error.code})
            return run

    def _new_run(self, job: Job, order: Order) -> Run:
        return Run(
            run_id=self.new_id(),
            source=order.source,
            job=job.name,
            trigger=order.trigger,
            correlation_id=order.correlation_id,
            started_at=self.clock(),
            replay_of=order.replay_of,
        )

    def _told(self, job: Job, order: Order, run: Run, target: Target, lease: Lease) -> Run:
        limit_s = job.timeout.total_seconds()
        try:
            with self.heartbeat.beating(lease, limit_s), self.stop.interrupting(target.abort):
                for state in self._story(job, order, run, target, lease):
                    if run.window is None and state.window is not None:
                        target.runs.note_window(state)
                    run = state
                    self.on_step(run)
        except QuperSyncError as error:
            wished = self.stop.is_requested() and error.retryable
            return run.ended_by(StoppedError() if wished else error, self.clock())
        except Exception as error:
            # A bug must not leave the run open, nor stay unseen: it is recorded, then raised.
            self._recorded_again(run.ended_by(BugError.naming(error), self.clock()), lease)
            raise
        return run if run.completed_at else run.succeeded(self.clock())

    def _story(
        self, job: Job, order: Order, run: Run, target: Target, lease: Lease
    ) -> Iterator[Run]:
        if order.refusal is not None:
            raise order.refusal
        sql = job.sql_for(order.flavor)
        if sql is None:
            yield run.skipped(NOT_ON_THIS_FLAVOR, self.clock())
            return
        table = target.table(job, lease)
        with (
            self.open_source(job.timeout.total_seconds()) as source,
            self.stop.interrupting(source.abort),
        ):
            story = Snapshot if job.mode == "snapshot" else Incremental
            yield from story(
                job=job, sql=sql, order=order, source=source, table=table, stop=self.stop
            )(run)
