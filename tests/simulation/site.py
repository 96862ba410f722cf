"""Where a history takes place: the world, the model, the real use case, and the oracle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from qupersync.application.order import Order
from qupersync.application.run_job import RunJob
from qupersync.domain.ports import Source, Target
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run, Status, Trigger
from tests.simulation.attempt import Attempt, require
from tests.simulation.interruptions import Fuse, Killed, Port
from tests.simulation.model import Model
from tests.simulation.oracle import Oracle
from tests.simulation.weather import a_moment_passes
from tests.simulation.world import World


@dataclass(slots=True)
class Patience:
    """Keeps the promises of ``ports.Stop``: nobody stops anything; who waits outlives a lease."""

    expires: Callable[[], None]

    def is_requested(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        if seconds:  # not between two attempts, when the lease is kept
            self.expires()
        return False

    def request(self) -> None:
        """Nobody does."""

    @contextmanager
    def interrupting(self, action: Callable[[], None]) -> Iterator[None]:
        yield

    @contextmanager
    def part(self) -> Iterator["Patience"]:
        yield self


@dataclass(slots=True)
class Site:
    """Runs the job as often as asked, each time before the eyes of the oracle.

    ``fuse`` is what befalls the next run, ``story`` what was done and seen so far.
    """

    world: World
    model: Model
    oracle: Oracle = field(init=False)
    run_job: RunJob = field(init=False)
    attempt: Attempt = field(init=False)
    fuse: Fuse | None = None
    is_held: bool = False
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.oracle = Oracle(world=self.world)
        self.run_job = RunJob(
            open_source=self._open_source,
            open_target=self._open_target,
            heartbeat=self.model,
            clock=lambda: self.world.now,
            new_id=self.new_id,
            stop=Patience(self.lease_ends),
            retry=Retry(tries=self.world.setup.retries, first_s=0),
            chance=lambda: 1.0,
        )

    def note(self, event: str) -> None:
        """Show what the world has become, after this event."""
        self.story.append(f"{self.world.clock:%d %H:%M:%S.%f}: {event}")
        self.oracle.looks()
        self.model.shows()

    def run(
        self,
        what: str,
        *,
        start: Callable[[], Run] | None = None,
        must_succeed: bool = False,
        **asked: Any,
    ) -> Run | None:
        """Run the job, or what ``start`` runs, and let the oracle judge; None if it was killed.

        Raises:
            Violation: a promise was broken.
        """
        attempt = self.attempt = Attempt(
            setup=self.world.setup,
            before=self.model.stored(),
            target_clock=self.world.target_clock,
            **asked,
        )
        try:
            attempt.run = start() if start else self._usual_run(attempt)
        except Killed:
            attempt.run = None
        status = attempt.run.status if attempt.run else "killed"
        after = self.model.stored()
        self.story.append(f"{what}: {status}, {after.watermark}, {after.ledger.extracted} rows")
        self.oracle.judge(attempt, after)
        if must_succeed:
            require(status == Status.SUCCESS, "the run does not succeed", attempt.run)
        return attempt.run

    def rival(self) -> Run | None:
        """Run the job in the middle of another run of it, which refuses it if it has begun."""
        outer, is_held = self.attempt, self.is_held
        outer.is_shared = True
        run = self.run("a rival")
        is_refused = run is not None and run.status is Status.SKIPPED
        require(is_refused or not is_held, "two runs hold the job at once", run)
        self.attempt = outer
        return run

    def successor(self) -> None:
        """Freeze a run until its lease is over, and run the job before it thaws."""
        was_held, outer = self.is_held, self.attempt
        self.lease_ends()
        run = self.rival()
        if was_held and run is not None and run.status is Status.SUCCESS:
            outer.overtaken = self.model.stored()

    def lease_ends(self) -> None:
        self.model.expires()
        self.is_held = False

    def order(self, *, from_initial: bool = False) -> Order:
        return Order(
            source="default",
            trigger=Trigger.CRON,
            correlation_id=self.new_id(),
            from_initial=from_initial,
        )

    def new_id(self) -> UUID:
        return UUID(int=self.world.random.getrandbits(128), version=4)

    def _usual_run(self, attempt: Attempt) -> Run:
        return self.run_job(self.world.setup.job, self.order(from_initial=attempt.from_initial))

    @contextmanager
    def _open_source(self, limit_s: float) -> Iterator[Source]:
        with self.model.open_source(limit_s) as source:
            yield cast("Source", Port(source, self._passes, lambda: self.world.target_clock))

    @contextmanager
    def _open_target(self) -> Iterator[Target]:
        with self.model.open_target() as target:
            yield cast("Target", Port(target, self._passes, lambda: self.world.target_clock))

    def _passes(self, call: str) -> None:
        if call in {"after claim", "after release", "after close of the run"}:
            self.is_held = call == "after claim"
        if call == "after clock":
            self.attempt.clock = self.world.clock
            self.oracle.shows()
            # From now on the world stands still, so that all of the run sees the same rows.
            if event := a_moment_passes(self.world):
                self.note(event)
        if self.fuse is not None:
            self.fuse.burn(call)
