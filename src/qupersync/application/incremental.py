"""The story of an incremental run: the window, piece by piece, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qupersync.application.order import Order
from qupersync.application.pieces import Pieces
from qupersync.application.retention import retired
from qupersync.application.source_look import looked
from qupersync.domain.errors import StateMissingError, TargetMismatchError
from qupersync.domain.frontier import Frontier
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, State, Stop, Table
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.run import Run
from qupersync.domain.watermark import WatermarkType, Window
from qupersync.domain.watermark_spec import WatermarkSpec, watermark_problems


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
            StateMissingError: the watermark is missing or of something else, so that nobody
                knows what the target lacks.
            TargetMismatchError: the target's columns cannot carry the job's watermark.
        """
        if self.job.watermark is None:
            raise AssertionError("an incremental job has a watermark")
        spec, state = self.job.watermark, self._state()
        frontier = self._frontier(spec, state)
        window = self._window(frontier)
        run = replace(run, window=window, watermark_before=state.watermark)
        run = run.reached(state.watermark)
        if window.is_empty:
            yield run.warned("the source's clock is behind the watermark: nothing to read")
            return
        yield run
        if self.order.window is None:
            run = looked(self.job, self.sql, self.source, self.table, frontier, state, run)
        pieces = self._pieces(spec, frontier, window, state)
        for piece in window.pieces(self.order.chunk or spec.chunk):
            for loaded in pieces.load(piece, run):
                run = loaded
                yield run
        run = run.warned(*pieces.seen.warnings())
        yield run
        if self.order.window is None:
            yield from retired(self.job, self.table, frontier, state.now, run)

    def _window(self, frontier: Frontier) -> Window:
        if self.order.window is not None:
            return self.order.window
        return frontier.from_initial() if self.order.from_initial else frontier.window()

    def _pieces(
        self, spec: WatermarkSpec, frontier: Frontier, window: Window, state: State
    ) -> Pieces:
        chosen = self.order.window
        return Pieces(
            job=self.job,
            spec=spec,
            sql=self.sql,
            order=self.order,
            source=self.source,
            table=self.table,
            stop=self.stop,
            frontier=frontier,
            window=window,
            advances=chosen is None or frontier.extends(chosen, self.order.joins),
            late=frontier.late(state.reached) if chosen is None else None,
            budget=RejectBudget(self.job.max_rejects),
        )

    def _state(self) -> State:
        state = self.table.state()
        misfit = f"its watermark does not fit: {state.misfit}" if state.misfit else ""
        if state.watermark is None and state.batch_seq == 0 and not self.table.is_empty():
            misfit = f"{self.job.target} holds rows, but there is no watermark"
        if misfit and not self.order.from_initial:
            name = self.job.name
            raise StateMissingError(
                f"job {name} cannot go on: {misfit}",
                hint=f"qupersync run {name} --from-initial, or if nothing older is wanted: "
                f"qupersync watermark set {name} TIME",
            )
        if state.misfit or state.watermark is None:
            self.table.adopt()
            return replace(state, watermark=None, reached=None)
        return state

    def _frontier(self, spec: WatermarkSpec, state: State) -> Frontier:
        columns = self.job.columns or self.table.columns(())
        if problems := list(watermark_problems(spec, columns)):
            raise TargetMismatchError(f"{self.job.target} does not fit: {'; '.join(problems)}")
        kind = WatermarkType(str(columns[spec.column].type))
        return Frontier(
            type=kind,
            stored=state.watermark,
            clock=self.source.clock(),
            initial=spec.initial_for(kind),
            overlap=spec.overlap,
            lag=spec.lag,
        )
