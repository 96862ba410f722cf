"""The story of an incremental run: the window, piece by piece, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qupersync.application.due import Due
from qupersync.application.order import Order
from qupersync.application.pieces import Pieces
from qupersync.application.retention import retired
from qupersync.application.source_look import looked, settled
from qupersync.domain.job import Job
from qupersync.domain.margin import margin_warnings
from qupersync.domain.ports import Source, Stop, Table
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.run import Run
from qupersync.domain.watermark import before, canonical


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
        due = Due.of(self.job, self.order, self.table, self.source)
        spec, state, frontier, window = due.spec, due.state, due.frontier, due.window
        if state.watermark is None:
            self.table.adopt()
        run = replace(run, window=window, watermark_before=state.watermark)
        run = run.reached(state.watermark)
        if window.is_empty:
            yield run.warned("the source's clock is behind the watermark: nothing to read")
            return
        yield run
        pieces = self._pieces(due)
        sighting = None
        if pieces.advances:
            sighting, warnings = looked(
                self.job, self.sql, self.source, self.table, frontier, state
            )
            run = run.warned(*warnings)
        windows = tuple(due.pieces(self.order))
        for piece in windows:
            for loaded in pieces.load(piece, run):
                run = loaded
                yield run
        run = run.warned(*pieces.seen.warnings(), *margin_warnings(run.lateness, spec.overlap))
        run = run.warned(*_forgotten(due, pieces))
        if pieces.advances:
            run = run.warned(*settled(self.job, self.table, sighting, windows))
        yield run
        if self.order.window is None:
            yield from retired(self.job, self.table, frontier, state.now, run)

    def _pieces(self, due: Due) -> Pieces:
        chosen = self.order.window
        return Pieces(
            job=self.job,
            spec=due.spec,
            sql=self.sql,
            order=self.order,
            source=self.source,
            table=self.table,
            stop=self.stop,
            frontier=due.frontier,
            window=due.window,
            advances=chosen is None or due.frontier.extends(chosen, due.joint(self.order)),
            late=due.late(self.order),
            budget=RejectBudget(self.job.max_rejects),
        )


def _forgotten(due: Due, pieces: Pieces) -> Iterator[str]:
    """Warn of rows that may still change, and that no run is going to read again."""
    point = pieces.seen.oldest_open
    if not pieces.advances and point is not None and before(point, due.frontier.window().low):
        yield (
            f"rows from {canonical(point)} on are not settled and lie behind the watermark: "
            "read them again later"
        )
