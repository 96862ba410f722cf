"""What must hold after each step, told from the world alone.

Nothing here calls the code under test: windows and watermarks are worked out anew. A row is owed
if it could be seen within ``overlap`` of its stamp, as the greatest clock that the source showed to
any run so far says. Rows older than the first run's window are not, nor are those that left the
source, or the target by the job's own retention. The last state of a row is owed if the job knows
when rows are settled, and this one is before a run sees it open behind ``max_hold``.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qupersync.domain.batch import Tally
from tests.simulation.attempt import Attempt, require
from tests.simulation.gap_oracle import GapOracle
from tests.simulation.model import Stored
from tests.simulation.world import Row, World


@dataclass(slots=True, kw_only=True)
class Fate:
    """What the oracle knows of a row that could once be seen."""

    row: Row
    is_owed: bool
    is_given_up: bool = False
    is_loaded: bool = False


@dataclass(slots=True, kw_only=True)
class Oracle:
    """Judges every attempt to run the job."""

    world: World
    gaps: GapOracle = field(init=False)
    fates: dict[int, Fate] = field(default_factory=dict)
    shown: datetime | None = None
    floor: Any = None
    keeps_from: Any = None
    retired: Any = None

    def __post_init__(self) -> None:
        self.gaps = GapOracle(world=self.world)

    def looks(self) -> None:
        """Take note of the rows that can be seen now; to be called whenever the world changed."""
        setup, owed_from = self.world.setup, None
        if self.shown is not None:
            owed_from = setup.stamp(self.shown - setup.lag) - setup.overlap
        for id_, row in self.world.visible().items():
            if id_ not in self.fates:
                is_owed = owed_from is None or row.stamp >= owed_from
                self.fates[id_] = Fate(row=row, is_owed=is_owed)

    def shows(self) -> None:
        """Take note that a run, or the plan of a backfill, asked for both clocks."""
        world, keeps = self.world, self.world.setup.target_keeps
        self.shown = max(world.clock, self.shown or world.clock)
        if keeps is not None:
            keeps_from = world.setup.stamp(min(world.target_clock, world.clock) - keeps)
            self.keeps_from = max(keeps_from, self.keeps_from or keeps_from)

    def judge(self, attempt: Attempt, after: Stored) -> None:
        """Fail unless all promises are kept."""
        self._learn(attempt, after)
        self._nothing_moves_back(attempt, after)
        kept = attempt.overtaken or after
        require(kept.ledger == after.ledger, "a run that lost its lease wrote", kept, after)
        if not attempt.is_shared:
            self._rows_are_true(attempt, after)
            self._ledger_is_true(attempt, after)
            self._watermark_is_covered(attempt, after)
        if attempt.is_success and not attempt.is_shared:
            self._all_is_read(attempt, after)
        self._nothing_is_lost(after)
        lost = [f.row.stamp for f in self.fates.values() if f.is_owed and self._left(f)]
        self.gaps.judge(attempt, after, lost)
        for id_ in after.rows:
            self.fates[id_].is_loaded = True

    def _left(self, fate: Fate) -> bool:
        return not fate.is_loaded and fate.row.id not in self.world.visible()

    def _learn(self, attempt: Attempt, after: Stored) -> None:
        if attempt.clock is None:
            return
        if self.floor is None and after.watermark is not None:
            self.floor = attempt.low
        if self.keeps_from is not None and after.watermark is not None:
            bound = min(self.keeps_from, attempt.back(after.watermark))
            self.retired = max(bound, self.retired or bound)
        for id_, row in self.world.visible().items():
            if self.world.state(row) == "open" and row.stamp < attempt.patience:
                self.fates[id_].is_given_up = True

    def _nothing_moves_back(self, attempt: Attempt, after: Stored) -> None:
        was, now = attempt.before.watermark, after.watermark
        require(
            was is None or (now is not None and now >= was), "the watermark moved back", was, now
        )
        setup, clock = self.world.setup, self.shown if attempt.is_shared else attempt.clock
        is_still = now is None or now == was
        require(
            is_still or (clock is not None and now <= setup.stamp(clock - setup.lag)),
            "the watermark is ahead of the source's clock less the lag",
            now,
        )

    def _rows_are_true(self, attempt: Attempt, after: Stored) -> None:
        visible = self.world.visible()
        for id_, content in after.rows.items() - attempt.before.rows.items():
            require(attempt.clock, "a row came without a look at the source", id_, content)
            row = visible.get(id_)
            is_true = row is not None and content == (self.world.state(row), row.stamp)
            require(is_true, "a row is not as it is at the source", row, content)

    def _current(self, low: Any, high: Any) -> dict[int, tuple[str, Any]]:
        return {
            id_: (self.world.state(row), row.stamp)
            for id_, row in self.world.visible().items()
            if low <= row.stamp < high
        }

    def _ledger_is_true(self, attempt: Attempt, after: Stored) -> None:
        before, run, done = attempt.before, attempt.run, _less(after.ledger, attempt.before.ledger)
        require(done.is_balanced, "the counts do not balance", done)
        require(
            len(after.rows) - len(before.rows) == done.inserted - done.deleted,
            "the ledger counts other rows than the table holds",
            done,
        )
        if run is not None and run.completed_at and run.batches:
            require(run.tally == done, "the run's counts are not the ledger's", run.tally, done)
            require(after.open_runs == 0, "a run that ended is still open")

    def _watermark_is_covered(self, attempt: Attempt, after: Stored) -> None:
        was, now = attempt.before.watermark, after.watermark
        if now is None or now == was:
            return
        for id_, content in self._current(attempt.low, now).items():
            is_there = after.rows.get(id_) == content or self._is_retired(content[1])
            require(is_there, "the watermark is ahead of the data", now, id_, content)

    def _is_retired(self, stamp: Any) -> bool:
        return self.retired is not None and bool(stamp < self.retired)

    def _all_is_read(self, attempt: Attempt, after: Stored) -> None:
        before, run = attempt.before, attempt.run
        assert run is not None
        if not attempt.has_read:
            require(after.rows == before.rows, "an empty window changed rows")
            require(after.watermark == before.watermark, "an empty window moved the watermark")
            return
        require(attempt.chunk or after.watermark, "a run succeeded and left no watermark")
        window = self._current(attempt.low, attempt.high)
        keeps_from = attempt.keeps_from if attempt.chunk is None else None
        if keeps_from is not None:
            keeps_from = min(keeps_from, attempt.back(after.watermark))
        due = {
            id_: content
            for id_, content in {**before.rows, **window}.items()
            if keeps_from is None or content[1] >= keeps_from
        }
        require(after.rows == due, "the target is not what it should be", _difference(after, due))
        new = window.keys() - before.rows.keys()
        changed = {id_ for id_ in window.keys() - new if before.rows[id_] != window[id_]}
        # What an attempt stored of a piece and then broke off, the next one reads again.
        is_read = run.tally.extracted - len(window)
        require(is_read == 0 or (is_read > 0 and run.attempts > 1), "not all is read", run.tally)
        counts = (run.tally.inserted, run.tally.updated)
        require(counts == (len(new), len(changed)), "the counts are wrong", run.tally)
        if attempt.chunk is None:
            self._watermark_is_exact(attempt, after, window)

    def _watermark_is_exact(
        self, attempt: Attempt, after: Stored, window: dict[int, tuple[str, Any]]
    ) -> None:
        due = attempt.edge
        if self.world.setup.settled:
            still = [s for state, s in window.values() if state == "open" and s >= attempt.patience]
            due = min([due, *still])
        if attempt.before.watermark is not None:
            due = max(due, attempt.before.watermark)
        require(
            after.watermark == due, "the watermark is not where it should be", after.watermark, due
        )

    def _nothing_is_lost(self, after: Stored) -> None:
        if after.watermark is None or self.floor is None:
            return
        again_from, visible = after.watermark - self.world.setup.overlap, self.world.visible()
        for id_, fate in self.fates.items():
            stamp, stored = fate.row.stamp, after.rows.get(id_)
            is_due = fate.is_owed and id_ in visible and stamp >= self.floor
            if not is_due or stamp >= again_from or self._is_retired(stamp):
                continue
            require(stored, "a row is lost: no run will read it", fate.row, after.watermark)
            is_stale = stored and stored[0] != self.world.state(fate.row)
            is_excused = not self.world.setup.settled or fate.is_given_up
            require(
                not is_stale or is_excused,
                "a row's last state is lost: no run will read it",
                fate.row,
                after.watermark,
            )


def _less(one: Tally, other: Tally) -> Tally:
    names = Tally.__slots__
    return Tally(**{name: getattr(one, name) - getattr(other, name) for name in names})


def _difference(after: Stored, due: dict[int, tuple[str, Any]]) -> set[Any]:
    return set(after.rows.items()) ^ set(due.items())
