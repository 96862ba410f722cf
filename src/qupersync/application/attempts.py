"""The attempts of one run: how it stands between them, and whether there is another."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from qupersync.application.incremental import Incremental
from qupersync.application.snapshot import Snapshot
from qupersync.domain.errors import QuperSyncError
from qupersync.domain.job import Job
from qupersync.domain.ports import Chance, Clock, Doubt, Lease, Source, Stop, Target
from qupersync.domain.pulse import Pulse
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run, Status

# A limit of 0 would be none at all.
LEAST_LIMIT_S = 0.001
logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Attempts:
    """One run under way; its time is over at ``until``, by ``clock``.

    The lease and the story stay the same for all attempts: a story goes on from what is stored.
    ``failures`` counts the attempts in a row that failed and stored nothing. ``unwritten`` are
    failed ones that the target does not know of yet, each with the time of its failure; ``doubt``
    is a commit of which nobody knows whether it counts. ``servers`` are those of the attempt under
    way, ``pulse`` is felt between two attempts.
    """

    job: Job
    run: Run
    until: datetime
    stop: Stop
    clock: Clock
    retry: Retry
    chance: Chance
    lease: Lease | None = None
    story: Incremental | Snapshot | None = None
    is_trusted: Callable[[], bool] = lambda: True
    is_open: bool = False
    is_recorded: bool = False
    doubt: Doubt | None = None
    failures: int = 0
    unwritten: list[tuple[Run, datetime]] = field(default_factory=list)
    pulse: Pulse = field(default_factory=Pulse)
    servers: tuple[Source | Target, ...] = ()

    @property
    def left_s(self) -> float:
        """Return how much of the job's time is left, in seconds and never 0."""
        return max(LEAST_LIMIT_S, (self.until - self.clock()).total_seconds())

    @property
    def held(self) -> Lease:
        """Return the lease; nobody works without one."""
        if self.lease is None:
            raise AssertionError("the job was not claimed")
        return self.lease

    def is_at_work(self) -> bool:
        """Tell whether the run is alive, from any thread; one that is stuck is not."""
        return self.pulse.is_felt() or any(server.is_at_work() for server in self.servers)

    @property
    def is_to_record(self) -> bool:
        """Tell whether the target may know of the run, and not how it ended."""
        return not self.is_recorded and (self.lease is not None or self.doubt is not None)

    def wait(self, seconds: float) -> bool:
        """Wait that long, alive, or until somebody wants to stop; tell whether somebody does."""
        with self.pulse.waiting():
            return self.stop.wait(seconds)

    def step(self, run: Run) -> None:
        """Note how the run is stored now; a batch gives the next failure all its tries."""
        if run.batches > self.run.batches:
            self.failures = 0
        self.run, self.is_recorded = run, run.completed_at is not None

    def fail(self, error: QuperSyncError) -> None:
        """End the run, or let it wait for its next attempt; a run that has ended stays so."""
        if self.run.completed_at is not None:
            return
        self.failures += 1
        wait_s = self.retry.wait_s(
            error, failures=self.failures, chance=self.chance(), left_s=self.left_s
        )
        if wait_s is None:
            self.run = self.run.ended_by(error, self.clock())
            return
        self.run = self.run.waiting(error, wait_s)
        self.unwritten.append((self.run, self.clock()))

    def write(self, target: Target) -> None:
        """Store the failed attempts that the target does not know of yet."""
        while self.unwritten:
            run, at = self.unwritten[0]
            target.runs.note_failure(run, self.clock() - at)
            del self.unwritten[0]

    def resolve(self, target: Target) -> None:
        """Find out whether the last commit of a broken connection counts."""
        if self.doubt is None:
            return
        counts = target.outcome(self.doubt, self.wait)
        facts = {"job": self.run.job, "run_id": self.run.run_id, "counts": counts}
        logger.info("commit without an answer", extra=facts)
        if counts and self.doubt.ended is not None:
            self.step(self.doubt.ended)
        self.doubt = None

    def record(self, target: Target) -> None:
        """Store how the run ended, and let the next holder in."""
        self.resolve(target)
        if self.lease is not None and not self.is_recorded:
            if not self.is_open:  # the connection broke before: a run without a record never was
                target.runs.open(replace(self.run, status=Status.RUNNING, completed_at=None))
            self.write(target)
            self._close(target)
            target.leases.release(self.lease)
        self.is_recorded = True

    def _close(self, target: Target) -> None:
        stored = target.runs.close(self.run)
        if stored.error_code != self.run.error_code:
            facts = {
                "job": self.run.job,
                "run_id": self.run.run_id,
                "error_code": self.run.error_code,
                "stored": stored.status,
            }
            logger.warning("run was closed before", extra=facts)
        self.run = stored
