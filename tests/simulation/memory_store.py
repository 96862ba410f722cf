"""What a target in memory has committed, and what follows from that."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from qupersync.domain.batch import Tally
from qupersync.domain.gap import Gap
from qupersync.domain.ports import Lease
from qupersync.domain.run import Run, Status, Trigger
from qupersync.domain.watermark import Point
from tests.simulation.model import Stored
from tests.simulation.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the ledger, under the run that wrote it."""

    run_id: UUID
    tally: Tally


@dataclass(slots=True, kw_only=True)
class Store:
    """Rows by id, the state of the job, its lease, the ledger and the run log in order."""

    world: World
    rows: dict[int, tuple[str, Point]] = field(default_factory=dict)
    watermark: Point | None = None
    batch_seq: int = 0
    kept: timedelta | None = None
    gaps: dict[Point, Point] = field(default_factory=dict)
    unsettled: list[Gap] = field(default_factory=list)
    fence: int = 0
    owner: UUID | None = None
    is_expired: bool = False
    is_locked: bool = False
    ledger: list[Line] = field(default_factory=list)
    total: Tally = field(default_factory=Tally)
    runs: dict[UUID, Run] = field(default_factory=dict)

    def stored(self) -> Stored:
        return Stored(
            watermark=self.watermark,
            rows=dict(self.rows),
            gaps=frozenset(self.gaps.items()),
            ledger=self.total,
            batches=len(self.ledger),
            open_runs=sum(run.status is Status.RUNNING for run in self.runs.values()),
        )

    def looks(self) -> tuple[timedelta | None, dict[Point, Point], list[Gap]]:
        """Return a copy of what looks at the source have left, for a transaction that may fail."""
        return self.kept, dict(self.gaps), list(self.unsettled)

    def write(self, run: Run, tally: Tally) -> None:
        """Add a line to the ledger."""
        self.ledger.append(Line(run_id=run.run_id, tally=tally))
        self.total += tally

    def closed(self, run: Run) -> Run:
        """Close a run with the counters of its committed batches."""
        mine = [line.tally for line in self.ledger if line.run_id == run.run_id]
        run = replace(run, tally=sum(mine, Tally()), batches=len(mine))
        self.runs[run.run_id] = run
        return run

    def reached(self) -> Point | None:
        """Return the end of the last successful run's window."""
        for run in reversed(self.runs.values()):
            if run.status is Status.SUCCESS and run.trigger in {Trigger.CRON, Trigger.MANUAL}:
                return run.window.high if run.window else None
        return None

    def is_held_by(self, lease: Lease) -> bool:
        return (self.fence, self.owner) == (lease.fence, lease.owner)
