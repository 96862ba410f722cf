"""The repair of one job: what differs or was never read is read again, and then proved again."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from qupersync.application.order import Order
from qupersync.application.run_job import RunJob
from qupersync.application.verify import Verify
from qupersync.domain.gap import Gap
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Trigger
from qupersync.domain.verdict import Verdict
from qupersync.domain.watermark import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Proves a job, and reads again what can be read; ``working`` opens what runs jobs."""

    verify: Verify
    working: Callable[[], AbstractContextManager[RunJob]]

    def __call__(self, job: Job, order: Order) -> Verdict:
        """Return what is proved after the repair, if there was one to make.

        If rows differ the job runs as usual first, which may be all that was missing. A wish to
        stop ends it with the verdict from before.

        Raises: as ``Verify`` does.
        """
        verdict, repairs = self.verify(job, order), list[Run]()
        if not verdict.holes and not verdict.differences:
            return verdict
        with self.working() as run_job:
            stop = run_job.stop
            if verdict.differences and not stop.is_requested():
                # A row that changed since the last run is missing from its old window.
                repairs.append(run_job(job, replace(order, trigger=Trigger.MANUAL, waits=True)))
                verdict = self.verify(job, order)
            repairs += _read_again(verdict.repairable(), run_job, job, order)
            if not stop.is_requested():
                _note_as_gaps(tuple(verdict.lost()), run_job, job)
                verdict = self.verify(job, order)
        return replace(verdict, repairs=tuple(repairs))


def _read_again(
    windows: Iterable[Window], run_job: RunJob, job: Job, order: Order
) -> Iterator[Run]:
    for window in windows:
        if run_job.stop.is_requested():
            return
        yield run_job(job, replace(order, trigger=Trigger.VERIFY, window=window, waits=True))


def _note_as_gaps(lost: tuple[Window, ...], run_job: RunJob, job: Job) -> None:
    """Remember what no run can read any more, so that people can acknowledge it."""
    if not lost:
        return
    with run_job.open_target() as target:
        lease = target.leases.claim(job, owner=run_job.new_id())
        if lease is None:
            return  # a run is at work: the next repair notes them
        try:
            table = target.table(job, lease)
            for window in lost:
                table.note_look(None, Gap(window.low, window.high or window.low))
        finally:
            target.leases.release(lease)
