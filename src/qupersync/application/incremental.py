"""The story of an incremental run: the window, piece by piece, oldest first."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from qupersync.application.due import Due
from qupersync.application.ending import Ending
from qupersync.application.order import Order
from qupersync.application.pieces import Pieces
from qupersync.application.retention import retired
from qupersync.application.source_look import Sighting, looked
from qupersync.domain.job import Job
from qupersync.domain.observed import Observed
from qupersync.domain.ports import Source, State, Stop, Table
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.run import Run


@dataclass(slots=True, kw_only=True)
class Incremental:
    """Loads the job's window; what one attempt has stored, the next one goes on from.

    ``due`` is frozen by the first attempt, and the ``sighting`` is what it saw of the source.
    ``done`` counts the pieces that are stored as a whole, and ``seen`` is what they held. A piece
    that broke off is read again from its start, as a query has no order: its stored batches count
    twice as read, also the one whose commit was not answered, and the second time as unchanged.
    """

    job: Job
    sql: str
    order: Order
    stop: Stop
    due: Due | None = None
    sighting: Sighting | None = None
    done: int = 0
    seen: Observed = field(default_factory=Observed)
    budget: RejectBudget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = RejectBudget(self.job.max_rejects)

    def __call__(self, run: Run, source: Source, table: Table) -> Generator[Run, None, None]:
        """Yield the run once its window is frozen, and then after every committed batch.

        Raises:
            StateMissingError: the watermark is missing or of something else, so that nobody
                knows what the target lacks.
            TargetMismatchError: the target's columns cannot carry the job's watermark.
        """
        due, state = self._begun(source, table)
        run = replace(run, window=due.window, watermark_before=due.state.watermark)
        run = run.reached(state.watermark)
        if due.window.is_empty:
            yield run.warned("the source's clock is behind the watermark: nothing to read")
            return
        yield run
        chosen = self.order.window
        advances = chosen is None or due.frontier.extends(chosen, due.joint(self.order))
        if advances:
            run = run.warned(*self._looked(run, due, source, table, state))
        pieces = self._pieces(due, source, table, advances=advances)
        for piece in pieces.ending.pieces:
            for loaded in pieces.load(piece, run):
                run = loaded
                yield run
            self.done, self.seen = self.done + 1, pieces.seen
        if not pieces.ending.closes:
            yield from retired(self.job, table, due.frontier, due.state.now, run)

    def _begun(self, source: Source, table: Table) -> tuple[Due, State]:
        """Return what is due, and the state as it is now: a commit may not have been answered."""
        if self.due is not None:
            return self.due, table.state()
        due = Due.of(self.job, self.order, table, source)
        if due.state.watermark is None:
            table.adopt()
        self.due = due
        return due, due.state

    def _looked(
        self, run: Run, due: Due, source: Source, table: Table, state: State
    ) -> Iterator[str]:
        """Look at the source before its rows are read; between two attempts it may drop some."""
        if self.sighting is not None:
            self.sighting = replace(self.sighting, source=source, table=table)
            gap, warnings = self.sighting.look_again(run.done_until)
            if gap is not None:
                table.note_look(None, gap)
            yield from warnings
        elif self.done == 0:
            self.sighting, warnings = looked(self.job, self.sql, source, table, due.frontier, state)
            yield from warnings

    def _pieces(self, due: Due, source: Source, table: Table, *, advances: bool) -> Pieces:
        ending = Ending(
            job=self.job,
            due=due,
            sighting=self.sighting,
            pieces=tuple(due.pieces(self.order))[self.done :],
            advances=advances,
            closes=self.job.retention is None or self.order.window is not None,
        )
        return Pieces(
            job=self.job,
            spec=due.spec,
            sql=self.sql,
            order=self.order,
            source=source,
            table=table,
            stop=self.stop,
            frontier=due.frontier,
            window=due.window,
            advances=advances,
            late=due.late(self.order),
            budget=self.budget,
            seen=self.seen,
            ending=ending,
        )
