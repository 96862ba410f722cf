"""``ports.Target``, ``Leases``, ``RunLog`` and ``PastRuns`` in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from qupersync.domain.errors import LeaseLostError
from qupersync.domain.job import Job
from qupersync.domain.past_run import PastRun
from qupersync.domain.ports import Doubt, Lease
from qupersync.domain.run import Run, Status, Trigger
from qupersync.domain.watermark import canonical
from tests.simulation.memory_store import Store
from tests.simulation.memory_table import Table


@dataclass(slots=True)
class Target:
    """Leases, the run log and the table over one connection."""

    store: Store

    @property
    def leases(self) -> "Target":
        return self

    @property
    def runs(self) -> "Target":
        return self

    @property
    def past(self) -> "Target":
        return self

    def claim(self, job: Job, owner: UUID) -> Lease | None:
        store = self.store
        if store.is_locked or (store.owner is not None and not store.is_expired):
            return None
        store.fence, store.owner, store.is_expired = store.fence + 1, owner, False
        for run in list(store.runs.values()):
            if run.status is Status.RUNNING:
                store.closed(replace(run, status=Status.DEAD))
        return Lease(source="default", job=job.name, fence=store.fence, owner=owner)

    def renew(self, lease: Lease) -> None:
        """Here a lease lives until it is taken."""

    def outcome(self, doubt: Doubt, wait: Callable[[float], bool]) -> bool:
        """A commit that happened in memory counts, whoever heard of it."""
        return True

    def holder(self, job: Job) -> str:
        return f"run {self.store.owner}"

    def release(self, lease: Lease) -> None:
        if self.store.is_held_by(lease):
            self.store.owner = None

    def open(self, run: Run) -> Run:
        self.store.runs[run.run_id] = run
        return run

    def note_progress(self, run: Run) -> None:
        if self.store.runs[run.run_id].status is not Status.RUNNING:
            raise LeaseLostError
        self.store.runs[run.run_id] = run

    def note_failure(self, run: Run, ago: timedelta) -> None:
        """Nobody looks at attempts."""

    def close(self, run: Run) -> Run:
        known = self.store.runs.get(run.run_id, run)
        return self.store.closed(run) if known.status is Status.RUNNING else known

    def last(self, job: str, trigger: Trigger | None = None) -> PastRun | None:
        over = [past for past in self._past() if trigger in {None, past.trigger}]
        return over[-1] if over else None

    def done(self, job: str, correlation_id: UUID) -> Sequence[PastRun]:
        passed = [past for past in self._past() if past.correlation_id == correlation_id]
        return [past for past in passed if past.status is Status.SUCCESS]

    def _past(self) -> Iterator[PastRun]:
        for run in self.store.runs.values():
            if run.status not in {Status.RUNNING, Status.SKIPPED}:
                low, high = (run.window.low, run.window.high) if run.window else (None, None)
                yield PastRun(
                    run_id=run.run_id,
                    job=run.job,
                    trigger=run.trigger,
                    status=run.status,
                    correlation_id=run.correlation_id,
                    window_low=None if low is None else canonical(low),
                    window_high=None if high is None else canonical(high),
                )

    def look(self, job: Job) -> "Table":
        return self.table(job, Lease(source="default", job=job.name, fence=0, owner=UUID(int=0)))

    def table(self, job: Job, lease: Lease) -> "Table":
        return Table(self.store, job, lease)
