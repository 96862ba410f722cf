"""The story of an incremental run: piece by piece, batch by batch, the watermark with the last."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from qupersync.application.order import Order
from qupersync.domain.batch import Batch, Reject
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import (
    ConflictError,
    StateMissingError,
    StoppedError,
    TargetMismatchError,
)
from qupersync.domain.job import Job, WatermarkSpec, watermark_problems
from qupersync.domain.ports import Observed, Source, Stop, Table, Unit
from qupersync.domain.query import bound
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.row_check import RowCheck
from qupersync.domain.run import Run
from qupersync.domain.watermark import (
    Frontier,
    Point,
    WatermarkType,
    Window,
    earliest,
    latest,
)

# Deadlocks and races end with the loser's retry; more in a row is a quarrel for people.
CONFLICT_TRIES = 5
# Between two statements of a batch's transaction the client only computes.
IDLE_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """Loads the job's window and yields the run after every committed batch."""

    job: Job
    sql: str
    order: Order
    source: Source
    table: Table
    stop: Stop

    def __call__(self, run: Run) -> Iterator[Run]:
        """Yield the run once its window is frozen, and then after every committed batch.

        Raises:
            StateMissingError: no watermark, but the target holds rows that nobody accounts for.
        """
        spec, stored = _spec(self.job), self._stored()
        frontier = self._frontier(spec, stored)
        window = frontier.from_initial() if self.order.from_initial else frontier.window()
        run = replace(run, window=window, watermark_before=stored).reached(stored)
        if window.is_empty:
            run = run.warned("the source's clock is behind the watermark: nothing to read")
        yield run
        budget, held = RejectBudget(self.job.max_rejects), None
        for piece in window.pieces(spec.chunk):
            reader = _Piece(self, piece, frontier, budget, held)
            for loaded in reader.load(run):
                run = loaded
                yield run
            held = reader.held

    def _stored(self) -> Point | None:
        state = self.table.state()
        misfit = f"its watermark does not fit: {state.misfit}" if state.misfit else ""
        if state.watermark is None and state.batch_seq == 0 and not self.table.is_empty():
            misfit = f"{self.job.target} holds rows, but there is no watermark"
        if misfit and not self.order.from_initial:
            raise StateMissingError(
                f"job {self.job.name} cannot go on: {misfit}",
                hint=f"qupersync run {self.job.name} --from-initial",
            )
        if state.misfit or state.watermark is None:
            self.table.adopt()
            return None
        return state.watermark

    def _frontier(self, spec: WatermarkSpec, stored: Point | None) -> Frontier:
        columns = self.job.columns or self.table.columns(())
        if problems := list(watermark_problems(spec, columns)):
            raise TargetMismatchError(f"{self.job.target} does not fit: {'; '.join(problems)}")
        kind = WatermarkType(str(columns[spec.column].type))
        return Frontier(
            type=kind,
            stored=stored,
            clock=self.source.clock(),
            initial=spec.initial_for(kind),
            overlap=spec.overlap,
            lag=spec.lag,
        )


class _Piece:
    """One piece of the window; remembers the oldest row that is still open."""

    def __init__(
        self,
        story: Incremental,
        window: Window,
        frontier: Frontier,
        budget: RejectBudget,
        held: Point | None,
    ) -> None:
        self.story, self.window, self.frontier = story, window, frontier
        self.budget, self.held = budget, held
        self.newest: Point | None = None
        self.is_final = window.high == frontier.high

    def load(self, run: Run) -> Iterator[Run]:
        """Yield the run after each committed batch of this piece."""
        if self.window.is_empty:
            return
        sql = bound(self.story.sql, self.window)
        rows = self.story.order.batch_rows_of(self.story.job)
        check: RowCheck | None = None
        for batch, is_last in _with_last(self.story.source.read(sql, batch_rows=rows)):
            if self.story.stop.is_requested():
                raise StoppedError
            if check is None:
                check = self._check(batch)
            run = self._committed(run, batch, check, is_last=is_last)
            yield run

    def _check(self, batch: Batch) -> RowCheck:
        columns: dict[str, ColumnSpec] = dict(self.story.table.columns(batch.names))
        return RowCheck.compile(columns, self.story.job.key, batch.names)

    def _committed(self, run: Run, batch: Batch, check: RowCheck, *, is_last: bool) -> Run:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return self._stored(run, batch, check, is_last=is_last)
            except ConflictError:
                if self.story.stop.is_requested():
                    raise StoppedError from None
        return self._stored(run, batch, check, is_last=is_last)

    def _stored(self, run: Run, batch: Batch, check: RowCheck, *, is_last: bool) -> Run:
        checked = check(batch)
        with self.story.table.unit(check.columns, idle_limit_s=IDLE_LIMIT_S) as unit:
            rejects = [*checked.rejects, *unit.stage(checked)]
            seen = self._observed(unit, run)
            merged = unit.merge()
            rejects += merged.rejects
            unit.supersede(unit.awaited(checked.keys) - {reject.key for reject in rejects})
            tally = replace(merged.tally, extracted=len(batch), skipped=unit.set_aside(rejects))
            extracted = run.tally.extracted + len(batch)
            self.budget.spend(rejects, extracted, at_end=is_last and self.is_final)
            held, newest = self._after(seen, rejects)
            mark = self._mark(run, held, newest) if is_last else None
            after = run.loaded(tally).warned(*_warnings(seen))
            after = after.reached(mark) if is_last else after
            unit.commit(after, tally, self.window, mark)
        self.held, self.newest = held, newest
        return after

    def _observed(self, unit: Unit, run: Run) -> Observed:
        spec = _spec(self.story.job)
        patience = self.frontier.patience(spec.max_hold) if spec.settled else None
        return unit.observe(self.window, patience, run.watermark_before)

    def _after(
        self, seen: Observed, rejects: Iterable[Reject]
    ) -> tuple[Point | None, Point | None]:
        held, newest = self.held, self.newest
        for open_row in (seen.oldest_open, *self._open_rejects(rejects)):
            held = held if open_row is None else earliest(held, open_row)
        if seen.newest is not None:
            newest = latest(newest, seen.newest)
        return held, newest

    def _open_rejects(self, rejects: Iterable[Reject]) -> Iterator[Point]:
        """Yield the watermarks of rows that were not staged but may still change."""
        spec, high = _spec(self.story.job), self.window.high
        if spec.settled is None or high is None:
            return
        patience = self.frontier.patience(spec.max_hold)
        for reject in rejects:
            if reject.values.get(spec.settled.column) not in spec.settled.values:
                point = self.frontier.type.read(reject.values.get(spec.column))
                if point is not None and Window(patience, high).holds(point):
                    yield point

    def _mark(self, run: Run, held: Point | None, newest: Point | None) -> Point | None:
        claim = newest
        if self.window.high is not None and self.frontier.claim is not None:
            claim = earliest(self.window.high, self.frontier.claim)
        if claim is None:
            return run.watermark_after
        claim = claim if held is None else earliest(held, claim)
        return latest(run.watermark_after, claim)


def _spec(job: Job) -> WatermarkSpec:
    if job.watermark is None:
        raise AssertionError("an incremental job has a watermark")
    return job.watermark


def _warnings(seen: Observed) -> Iterator[str]:
    if seen.missing:
        yield f"{seen.missing} rows without a watermark value were loaded"
    if seen.outside:
        yield f"{seen.outside} rows outside the window were loaded; they do not move the watermark"
    if seen.given_up:
        yield f"{seen.given_up} rows were not settled within max_hold and are not waited for"


def _with_last(batches: Iterable[Batch]) -> Iterator[tuple[Batch, bool]]:
    iterator = iter(batches)
    current = next(iterator)
    for following in iterator:
        yield current, False
        current = following
    yield current, True
