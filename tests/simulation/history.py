"""One history: what happens to a world and its job, step by step, until the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from qupersync.application.backfill import Backfill, PlanBackfill, Span, backfilled
from qupersync.domain.errors import SpanError
from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import Window
from tests.simulation.attempt import Violation
from tests.simulation.interruptions import dies, drawn
from tests.simulation.model import Model
from tests.simulation.site import Site
from tests.simulation.weather import time_passes
from tests.simulation.world import DAY, HOUR, Setup, World

TOLD = 12


@dataclass(slots=True)
class History:
    """Plays itself; everything in it comes from ``random``."""

    random: Random
    make_model: Callable[[World], Model]
    steps: int
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        world = World(setup=Setup.draw(self.random), random=self.random)
        self.site = Site(world, self.make_model(world))

    def play(self) -> None:
        """Play all steps, and a last run.

        Raises:
            Violation: a promise was broken; tells the setup and the end of the story.
        """
        steps = [self._runs, self._runs_from_initial, self._is_interrupted, self._backfills]
        try:
            for _ in range(self.steps):
                self._time_passes()
                (step,) = self.random.choices(steps, [50, 6, 32, 12])
                step()
            self._time_passes()
            self._runs()
        except Violation as error:
            story = [str(error), str(self.site.world.setup), *self.site.story[-TOLD:]]
            raise Violation("\n".join(story)) from error

    def _time_passes(self) -> None:
        self.site.note(time_passes(self.site.world))

    def _runs(self) -> None:
        self.site.run("a run", must_succeed=True)

    def _runs_from_initial(self) -> None:
        self.site.run("a run from initial", must_succeed=True, from_initial=True)

    def _is_interrupted(self) -> None:
        self._arm()
        self.site.run("a run that may be interrupted", from_initial=self.random.random() < 0.1)
        self._recovers()

    def _arm(self) -> None:
        self.site.fuse = drawn(self.random, dies, dies, self.site.rival, self.site.successor)

    def _recovers(self) -> None:
        self.site.fuse = None
        if self.random.random() < 0.3:
            self.site.run("a run before the lease is over")
        self.site.lease_ends()

    def _backfills(self) -> None:
        try:
            planned = self._planned()
        except SpanError:
            return  # nothing lies in the span
        if self.random.random() < 0.2:
            self._time_passes()
        runs = backfilled(planned, self.site.order(), self.site.run_job)
        for window in planned.windows:
            if not self._reads(window, runs):
                break
            if self.random.random() < 0.4:
                self._time_passes()
                self.site.run("a run between", must_succeed=True)
        self._recovers()

    def _planned(self) -> Backfill:
        site, world, random = self.site, self.site.world, self.random
        since = world.clock - random.choice([DAY, 2 * DAY, 4 * DAY])
        span = Span(
            since=since,
            until=None if random.random() < 0.6 else since + world.on_grid(30 * HOUR),
            chunk=random.choice([12 * HOUR, DAY, 2 * DAY]),
            resume=random.random() < 0.3,
        )
        plan = PlanBackfill(open_source=site.model.open_source, open_target=site.model.open_target)
        planned = plan(world.setup.job, site.order(), span)
        site.oracle.shows()
        site.story.append(f"a backfill in {len(planned.windows)} pieces")
        return planned

    def _reads(self, window: Window, runs: Iterator[Run]) -> bool:
        if self.random.random() < 0.15:
            self._arm()
        run = self.site.run(f"piece {window}", chunk=window, start=lambda: next(runs))
        self.site.fuse = None
        return run is not None and run.status is Status.SUCCESS
