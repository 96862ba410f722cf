"""The pieces of an incremental window: read, checked and committed batch by batch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from qupersync.application.ending import Ending
from qupersync.application.order import Order
from qupersync.application.reading import Reading
from qupersync.domain.batch import Reject
from qupersync.domain.errors import ConflictError, StoppedError
from qupersync.domain.frontier import Frontier
from qupersync.domain.job import Job
from qupersync.domain.observed import Observed
from qupersync.domain.ports import Entry, Look, Source, Staged, Stop, Table, Terms
from qupersync.domain.query import bound
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, Window
from qupersync.domain.watermark_spec import WatermarkSpec

# Deadlocks and races end with the loser's retry; more in a row is a quarrel for people.
CONFLICT_TRIES = 5
# Between two statements of a batch's transaction the client only computes.
IDLE_LIMIT_S = 30.0


@dataclass(slots=True, kw_only=True)
class Pieces:
    """Loads the pieces of ``window`` one after the other, and remembers what was seen so far.

    Unless ``advances`` the watermark stays. New rows inside ``late`` are measured.
    """

    job: Job
    spec: WatermarkSpec
    sql: str
    order: Order
    source: Source
    table: Table
    stop: Stop
    frontier: Frontier
    window: Window
    advances: bool
    late: Window | None
    budget: RejectBudget
    ending: Ending
    seen: Observed = field(default_factory=Observed)

    def load(self, piece: Window, run: Run) -> Iterator[Run]:
        """Yield the run after each committed batch; the last one moves the watermark."""
        reading = Reading.of(bound(self.sql, piece), self.job, self.order, self.source, self.table)
        terms = Terms(
            columns=tuple(reading.columns),
            idle_limit_s=IDLE_LIMIT_S,
            look=Look(window=piece, patience=self._patience(), before=run.watermark_before),
            keeps_newer=self.order.keeps_newer,
        )
        with self.table.staged(reading.blocks, terms) as staged:
            for batch, is_last in _with_last(staged):
                if self.stop.is_requested():
                    raise StoppedError
                if is_last and piece.high == self.window.high:
                    self.ending.prepare()
                run = self._committed(piece, run, batch, is_last=is_last)
                yield run

    def _committed(self, piece: Window, run: Run, batch: Staged, *, is_last: bool) -> Run:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return self._stored(piece, run, batch, is_last=is_last)
            except ConflictError:
                if self.stop.is_requested():
                    raise StoppedError from None
        return self._stored(piece, run, batch, is_last=is_last)

    def _stored(self, piece: Window, run: Run, batch: Staged, *, is_last: bool) -> Run:
        block = batch.block
        with batch.unit() as (unit, refused):
            seen = self.seen + unit.observe()
            merged = unit.merge(self.late)
            rejects = [*refused, *merged.rejects]
            unit.supersede(unit.awaited(block.keys) - {reject.key for reject in rejects})
            tally = replace(
                merged.tally, extracted=len(block.batch), skipped=unit.set_aside(rejects)
            )
            run = run.loaded(tally, merged.lateness)
            is_end = is_last and piece.high == self.window.high
            self.budget.spend(rejects, run.tally.extracted, at_end=is_end)
            for point in self._still_open(piece, rejects):
                seen += Observed(oldest_open=point)
            mark = None
            if is_last and self.advances:
                mark = seen.mark(piece, self.frontier, run.watermark_after)
            unit.commit(
                Entry(
                    run=run,
                    tally=tally,
                    window=piece,
                    mark=mark,
                    completes=is_last,
                    lateness=merged.lateness,
                )
            )
            run = replace(run, oldest_open=seen.oldest_open)
            run = replace(run, done_until=piece.high) if is_last else run
            run = run if mark is None else run.reached(mark)
            run = self.ending(unit, batch.table, run, seen) if is_end else run
        self.seen = seen
        return run

    def _patience(self) -> Point | None:
        return self.frontier.patience(self.spec.max_hold) if self.spec.settled else None

    def _still_open(self, piece: Window, rejects: Iterable[Reject]) -> Iterator[Point]:
        """Yield the watermarks of rows that may still change, though they were set aside."""
        settled, patience = self.spec.settled, self._patience()
        if settled is None or patience is None:
            return
        for reject in rejects:
            point = self.frontier.type.read(reject.values.get(self.spec.column))
            is_open = reject.values.get(settled.column) not in settled.values
            if is_open and point is not None and Window(patience, piece.high).holds(point):
                yield point


def _with_last(iterator: Iterator[Staged]) -> Iterator[tuple[Staged, bool]]:
    current = next(iterator)
    for following in iterator:
        yield current, False
        current = following
    yield current, True
