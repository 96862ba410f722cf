"""The life of one run: claim, open, window, load, try again, close, release."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf

from qupersync.application.attempts import Attempts
from qupersync.application.incremental import Incremental
from qupersync.application.order import Order
from qupersync.application.snapshot import Snapshot
from qupersync.domain.errors import (
    BugError,
    CanceledError,
    LeaseHeldError,
    QuperSyncError,
    ResourceError,
    StoppedError,
)
from qupersync.domain.job import Job
from qupersync.domain.ports import (
    Chance,
    Clock,
    Heartbeat,
    InDoubtError,
    Lease,
    NewId,
    Source,
    Stop,
    Target,
)
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run

NOT_ON_THIS_FLAVOR = "not-on-this-flavor"
# How often a run that waits for a held job looks again.
WAIT_S = 1.0
NEVER = Retry(tries=0)
NO_MEMORY = ResourceError(
    "no memory is left for this process",
    hint="raise its limit, or leave the widest column out; the next run goes on from here",
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Runs one job to its recorded end.

    ``open_source`` takes a time limit in seconds. ``on_begin`` is told of a run that has its
    lease, ``on_step`` of every batch that it has stored, and when it waits for another attempt,
    perhaps before it has begun; both in the thread of the job.
    """

    open_source: Callable[[float], AbstractContextManager[Source]]
    open_target: Callable[[], AbstractContextManager[Target]]
    heartbeat: Heartbeat
    clock: Clock
    new_id: NewId
    stop: Stop
    retry: Retry
    chance: Chance
    on_begin: Callable[[Run], None] = lambda _run: None
    on_step: Callable[[Run], None] = lambda _run: None

    def __call__(self, job: Job, order: Order) -> Run:
        """Return the closed run: success, failed, dead, canceled or skipped.

        Where the target itself is lost the returned run is the only record.
        """
        with self.stop.part() as stop, ExitStack() as held:
            attempts = self._attempts(job, order, stop)
            try:
                while attempts.run.completed_at is None:
                    self._attempt(attempts, order, held)
            except Exception as error:
                # A bug must not leave the run open, nor stay unseen: it is recorded, then raised.
                attempts.run = attempts.run.ended_by(BugError.naming(error), self.clock())
                self._record(attempts)
                raise
            self._record(attempts)
            return attempts.run

    def _attempts(self, job: Job, order: Order, stop: Stop) -> Attempts:
        now = self.clock()
        run = Run(
            run_id=self.new_id(),
            source=order.source,
            job=job.name,
            trigger=order.trigger,
            correlation_id=order.correlation_id,
            started_at=now,
            replay_of=order.replay_of,
        )
        return Attempts(
            job=job,
            run=run,
            until=now + job.timeout,
            stop=stop,
            clock=self.clock,
            retry=NEVER if order.refusal else self.retry,
            chance=self.chance,
        )

    def _attempt(self, attempts: Attempts, order: Order, held: ExitStack) -> None:
        try:
            with self.open_target() as target:
                attempts.servers = (target,)
                self._begin(attempts, order, target, held)
                if attempts.run.completed_at is None:
                    self._work(attempts, order, target)
                attempts.record(target)
        except (QuperSyncError, MemoryError) as error:
            if isinstance(error, InDoubtError):
                attempts.doubt = error.doubt
            known = NO_MEMORY if isinstance(error, MemoryError) else error
            attempts.fail(self._wished(known, attempts.stop))
            if attempts.run.completed_at is None:
                self._wait(attempts)

    def _begin(self, attempts: Attempts, order: Order, target: Target, held: ExitStack) -> None:
        """Claim the job and open the run, unless an earlier attempt has done so."""
        if attempts.lease is None:
            attempts.lease = lease = self._claimed(attempts, order, target)
            if lease is None:
                why = f"held by {target.leases.holder(attempts.job) or 'another run'}"
                skipped = attempts.run.skipped(LeaseHeldError.code, self.clock(), why)
                attempts.run = target.runs.open(skipped)
                return
            limit_s = attempts.job.timeout.total_seconds()
            attempts.until = self.clock() + attempts.job.timeout
            attempts.is_trusted = held.enter_context(
                self.heartbeat.beating(lease, limit_s, attempts.is_at_work, attempts.stop.request)
            )
        attempts.resolve(target)
        if attempts.run.completed_at is not None:
            return
        if attempts.is_open:
            target.runs.note_progress(attempts.run)
        else:
            attempts.run, attempts.is_open = target.runs.open(attempts.run), True
            self.on_begin(attempts.run)
        attempts.write(target)

    def _claimed(self, attempts: Attempts, order: Order, target: Target) -> Lease | None:
        job, owner = attempts.job, attempts.run.run_id
        while (lease := target.leases.claim(job, owner=owner)) is None:
            is_late = self.clock() >= attempts.until
            if not order.waits or is_late or attempts.stop.wait(WAIT_S):
                return None
        return lease

    def _work(self, attempts: Attempts, order: Order, target: Target) -> None:
        story = self._story(attempts, order)
        if story is None:
            attempts.run = attempts.run.skipped(NOT_ON_THIS_FLAVOR, self.clock())
            return
        # An attempt has what the ones before have left of the job's time.
        left_s, stop = attempts.left_s, attempts.stop
        job = attempts.job.model_copy(update={"timeout": timedelta(seconds=left_s)})
        with stop.interrupting(target.abort):
            table = target.table(job, attempts.held)
            with (
                self.open_source(left_s) as source,
                stop.interrupting(source.abort),
                closing(story(attempts.run, source, table)) as runs,
            ):
                attempts.servers = (target, source)
                for run in runs:
                    if attempts.run.window is None and run.window is not None:
                        target.runs.note_progress(run)
                    attempts.step(run)
                    self.on_step(run)
                    if not (attempts.is_recorded or attempts.is_trusted()):
                        self._renew(attempts.held)
        if not attempts.is_recorded:
            attempts.run = attempts.run.succeeded(self.clock())

    def _renew(self, lease: Lease) -> None:
        # The next batch may be under way in a transaction on the connections of the run.
        with self.open_target() as target:
            target.leases.renew(lease)

    def _story(self, attempts: Attempts, order: Order) -> Incremental | Snapshot | None:
        if order.refusal is not None:
            raise order.refusal
        sql = attempts.job.sql_for(order.flavor)
        if sql is not None and attempts.story is None:
            story = Snapshot if attempts.job.mode == "snapshot" else Incremental
            attempts.story = story(job=attempts.job, sql=sql, order=order, stop=attempts.stop)
        return attempts.story

    def _wished(self, error: QuperSyncError, stop: Stop) -> QuperSyncError:
        """Return the wish that the error comes from, or the error itself."""
        is_cut = stop.is_requested() and (error.retryable or isinstance(error, StoppedError))
        return self._wish() if is_cut else error

    def _wish(self) -> QuperSyncError:
        return StoppedError() if self.stop.is_requested() else CanceledError()

    def _wait(self, attempts: Attempts) -> None:
        """Wait for the next attempt; the lease is kept, and no connection is held."""
        self.on_step(attempts.run)
        # Now, for the case that the process dies; what cannot be written waits for its turn.
        with suppress(QuperSyncError):
            if attempts.is_open:
                with self.open_target() as target:
                    attempts.write(target)
        if attempts.wait((attempts.run.backoff_ms or 0) / 1000):
            attempts.run = attempts.run.ended_by(self._wish(), self.clock())
        else:
            attempts.run = attempts.run.tried_again()
            self.on_step(attempts.run)

    def _record(self, attempts: Attempts) -> None:
        # The connection may have broken with the run, or a dying session held the rows.
        retry, failures = replace(self.retry, tries=max(1, self.retry.tries)), 0
        code = attempts.run.error_code
        while attempts.is_to_record:
            try:
                with self.open_target() as target:
                    attempts.record(target)
            except QuperSyncError as error:
                failures, code = failures + 1, error.code
                chance = self.chance()
                wait_s = retry.wait_s(error, failures=failures, chance=chance, left_s=inf)
                if wait_s is None or attempts.wait(wait_s):
                    break
        if not attempts.is_recorded:
            facts = {"job": attempts.run.job, "error_code": code}
            logger.warning("run not recorded", extra=facts)
