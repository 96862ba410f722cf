"""The story of a snapshot run: the target mirrors the query, in one transaction."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from qupersync.application.deletions import Deletions
from qupersync.application.order import Order
from qupersync.application.reading import Reading
from qupersync.domain.batch import Reject
from qupersync.domain.errors import StoppedError
from qupersync.domain.job import Job
from qupersync.domain.ports import Entry, Source, Stop, Table, Terms, Unit
from qupersync.domain.query import bound
from qupersync.domain.rejects import RejectBudget
from qupersync.domain.row_check import Block
from qupersync.domain.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Mirrors the query and yields the run once, after the commit; each attempt reads it all."""

    job: Job
    sql: str
    order: Order
    stop: Stop

    def __call__(self, run: Run, source: Source, table: Table) -> Generator[Run, None, None]:
        """Stage the whole result, merge it, delete what is gone, commit."""
        deletions = Deletions(
            job=self.job,
            are_allowed=self.order.allow_deletes,
            before=table.state().seen,
            rights=source.rights(),
        )
        table.adopt()
        sql = bound(self.sql, None)
        reading = Reading.of(sql, self.job, self.order, source, table)
        # The transaction idles while the source is read, so the job's own limit applies.
        terms = Terms(columns=tuple(reading.columns), idle_limit_s=self.job.timeout.total_seconds())
        with table.unit(terms) as unit:
            load = _Load(self, unit, deletions)
            for block in reading.blocks:
                load.stage(block)
            run = load.finish(run)
        yield run


class _Load:
    """What one snapshot has read so far."""

    def __init__(self, story: Snapshot, unit: Unit, deletions: Deletions) -> None:
        self.story, self.unit, self.deletions = story, unit, deletions
        self.budget = RejectBudget(story.job.max_rejects)
        self.extracted = 0
        self.skipped = 0
        self.awaited: set[str] = set()
        self.refused: set[str] = set()

    def stage(self, block: Block) -> None:
        if self.story.stop.is_requested():
            raise StoppedError
        self.extracted += len(block.batch)
        self._set_aside(self.unit.stage(block))
        self.awaited |= self.unit.awaited(block.keys)

    def _set_aside(self, rejects: list[Reject]) -> None:
        self.skipped += self.unit.set_aside(rejects)
        self.refused |= {reject.key for reject in rejects}
        self.budget.spend(rejects, self.extracted)

    def finish(self, run: Run) -> Run:
        merged = self.unit.merge()
        self._set_aside(list(merged.rejects))
        self.budget.spend((), self.extracted, at_end=True)
        self.unit.supersede(self.awaited - self.refused)
        deleted = self.deletions(
            self.unit,
            extracted=self.extracted,
            skipped=self.skipped,
            inserted=merged.tally.inserted,
        )
        tally = replace(
            merged.tally, extracted=self.extracted, skipped=self.skipped, deleted=deleted.rows
        )
        run = run.loaded(tally).warned(*deleted.warnings)
        self.unit.commit(Entry(run=run, tally=tally, seen=deleted.seen))
        return self.unit.close(run)
