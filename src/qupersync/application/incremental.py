"""The story of an incremental run: the window, piece by piece, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qupersync.application.order import Order
from qupersync.application.pieces import Pieces
from qupersync.domain.errors import StateMissingError, TargetMismatchError
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, Stop, Table
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.run import Run
from qupersync.domain.watermark import Frontier, Point, WatermarkType
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
        spec, stored = self.job.watermark, self._stored()
        frontier = self._frontier(spec, stored)
        window = frontier.from_initial() if self.order.from_initial else frontier.window()
        run = replace(run, window=window, watermark_before=stored).reached(stored)
        if window.is_empty:
            yield run.warned("the source's clock is behind the watermark: nothing to read")
            return
        yield run
        pieces = self._pieces(spec, frontier)
        for piece in window.pieces(spec.chunk):
            for loaded in pieces.load(piece, run):
                run = loaded
                yield run
        yield run.warned(*pieces.seen.warnings())

    def _pieces(self, spec: WatermarkSpec, frontier: Frontier) -> Pieces:
        return Pieces(
            job=self.job,
            spec=spec,
            sql=self.sql,
            order=self.order,
            source=self.source,
            table=self.table,
            stop=self.stop,
            frontier=frontier,
            budget=RejectBudget(self.job.max_rejects),
        )

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
