"""Several jobs in one pass: side by side, each on its own, all of them reported."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event

from qupersync.application.order import Order
from qupersync.application.run_job import RunJob
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Status

FAILURES = frozenset({Status.FAILED, Status.DEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass came to: the runs that ended, and the errors that nobody recorded."""

    runs: tuple[Run, ...]
    errors: tuple[BaseException, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMany:
    """Runs jobs in ``threads`` threads; one job's failure stops no other unless ``fail_fast``."""

    run_job: RunJob
    threads: int
    fail_fast: bool
    on_end: Callable[[Run], None]

    def __call__(self, jobs: Sequence[Job], order: Order) -> Pass:
        """Run every job and call ``on_end`` for each, in the order in which they end."""
        failed = Event()
        # Not as_completed: what has ended before its first look comes from that in any order.
        ended = SimpleQueue[Future[Run | None]]()
        runs: list[Run] = []
        errors: list[BaseException] = []
        with ThreadPoolExecutor(max_workers=self.threads, thread_name_prefix="job") as pool:
            for job in jobs:
                pool.submit(self._one, job, order, failed).add_done_callback(ended.put)
            for _ in jobs:
                future = ended.get()
                error = future.exception()
                if error is not None:
                    errors.append(error)
                elif (run := future.result()) is not None:
                    runs.append(run)
                    self.on_end(run)
        return Pass(runs=tuple(runs), errors=tuple(errors))

    def _one(self, job: Job, order: Order, failed: Event) -> Run | None:
        if self.run_job.stop.is_requested() or (self.fail_fast and failed.is_set()):
            return None
        run = None
        try:
            run = self.run_job(job, order)
        finally:
            if run is None or run.status in FAILURES:
                failed.set()
        return run
