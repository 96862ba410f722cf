"""``ports.Table`` and ``ports.Unit`` in memory: a transaction is stored as a whole, or not."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from qupersync.domain.batch import Reject, Tally
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import LeaseLostError, RowAccountingError
from qupersync.domain.gap import Gap
from qupersync.domain.job import Job
from qupersync.domain.lateness import Lateness
from qupersync.domain.observed import Observed
from qupersync.domain.ports import Entry, Lease, Merged, State, Terms
from qupersync.domain.row_check import Block
from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import Point, WatermarkType, Window
from tests.simulation.memory_store import Store


@dataclass(slots=True)
class Table:
    """The target table under a lease."""

    store: Store
    job: Job
    lease: Lease
    batch_seq: int = 0

    @property
    def watermark_type(self) -> WatermarkType:
        return self.store.world.setup.kind

    def columns(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        return self.job.columns

    def is_empty(self) -> bool:
        return not self.store.rows

    def state(self) -> State:
        self.batch_seq = self.store.batch_seq
        return State(
            watermark=self.store.watermark,
            is_new=self.store.batch_seq == 0,
            now=self.store.world.target_clock,
            reached=self.store.reached(),
            kept=self.store.kept,
        )

    def newest_before(self, point: Any) -> Point | None:
        stamps: list[Any] = [stamp for _, stamp in self.store.rows.values()]
        return max((stamp for stamp in stamps if stamp < point), default=None)

    def note_look(self, kept: timedelta | None, gap: Gap | None) -> None:
        self._fence()
        if kept is not None:
            self.store.kept = kept
        if gap is not None:
            self.store.gaps[gap.low] = gap.high
            self.store.unsettled += [gap] if gap.young is not None else []

    def unsettled_gaps(self) -> Sequence[Gap]:
        return tuple(self.store.unsettled)

    def settle(self, gap: Gap, *, is_gap: bool) -> None:
        self._fence()
        self.store.unsettled.remove(gap)
        if not is_gap and self.store.gaps.get(gap.low) == gap.high:
            del self.store.gaps[gap.low]

    def adopt(self) -> None:
        self._fence()
        self.store.watermark = None

    @contextmanager
    def unit(self, terms: Terms) -> Iterator["Unit"]:
        self._fence()
        unit, before = Unit(self, terms), self.store.looks()
        self.store.is_locked = True
        try:
            yield unit
        except BaseException:
            self.store.kept, self.store.gaps, self.store.unsettled = before
            raise
        finally:
            self.store.is_locked = False
        if unit.entries:
            self.store.rows = unit.rows
        for entry in unit.entries:
            self.store.write(entry.run, entry.tally)
            self.store.watermark = entry.mark or self.store.watermark
        self.store.batch_seq += len(unit.entries)
        self.batch_seq += len(unit.entries)
        if unit.ended is not None:
            self.store.closed(unit.ended)
            self.store.owner = None

    @contextmanager
    def staged(self, blocks: Iterator[Block], terms: Terms) -> Iterator[Iterator["Staged"]]:
        yield (Staged(self, block, terms) for block in blocks)

    def _fence(self) -> None:
        if not self.store.is_held_by(self.lease):
            raise LeaseLostError


@dataclass
class Staged:
    """A batch that waits for its turn."""

    table: Table
    block: Block
    terms: Terms

    @contextmanager
    def unit(self) -> Iterator[tuple["Unit", list[Reject]]]:
        with self.table.unit(self.terms) as unit:
            yield unit, unit.stage(self.block)


@dataclass(slots=True)
class Unit:
    """One transaction; ``rows`` is what the table will hold after it."""

    table: Table
    terms: Terms
    rows: dict[int, tuple[str, Point]] = field(init=False)
    staged: list[tuple[int, str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    ended: Run | None = None
    xid: str = "1"

    def __post_init__(self) -> None:
        self.rows = dict(self.table.store.rows)

    def stage(self, block: Block) -> list[Reject]:
        for row in block.checked.rows:
            id_, state, changed = map(str, row)
            self.staged.append((int(id_), state, self.table.watermark_type.parse(changed)))
        return []

    def observe(self) -> Observed:
        look: Any = self.terms.look
        settled = self.table.job.watermark and self.table.job.watermark.settled
        still = [s for _, state, s in self.staged if settled and state not in settled.values]
        given_up = [
            s for s in still if s < look.patience and (look.before is None or s >= look.before)
        ]
        waited_for = [s for s in still if look.patience <= s < look.window.high]
        return Observed(given_up=len(given_up), oldest_open=min(waited_for, default=None))

    def merge(self, late: Window | None = None) -> Merged:
        new = {id_: (state, stamp) for id_, state, stamp in sorted(self.staged, key=_stamp)}
        inserted = new.keys() - self.rows.keys()
        updated = {id_ for id_ in new if id_ not in inserted and self.rows[id_] != new[id_]}
        self.rows |= new
        stamps: list[Any] = [new[id_][1] for id_ in inserted]
        tally = Tally(
            inserted=len(inserted),
            updated=len(updated),
            unchanged=len(new) - len(inserted) - len(updated),
            deduplicated=len(self.staged) - len(new),
        )
        ages: list[Any] = []
        if late is not None and late.high is not None:
            ages = [late.high - stamp for stamp in stamps if late.holds(stamp)]
        return Merged(tally=tally, lateness=Lateness.of(ages))

    def delete_older(self, point: Any, *, at_most: int) -> int:
        rows: dict[int, tuple[str, Any]] = self.rows
        old = [id_ for id_, (_, stamp) in rows.items() if stamp < point][:at_most]
        for id_ in old:
            del self.rows[id_]
        return len(old)

    def commit(self, entry: Entry) -> None:
        if not entry.tally.is_balanced:
            raise RowAccountingError
        if self.table.batch_seq + len(self.entries) != self.table.store.batch_seq:
            raise LeaseLostError
        self.entries.append(entry)

    def close(self, run: Run) -> Run:
        store, mine = self.table.store, [entry.tally for entry in self.entries]
        mine += [line.tally for line in store.ledger if line.run_id == run.run_id]
        self.ended = replace(
            run,
            status=Status.SUCCESS,
            completed_at=store.world.target_clock,
            tally=sum(mine, Tally()),
            batches=len(mine),
        )
        return self.ended

    def awaited(self, keys: Callable[[], Sequence[str]]) -> set[str]:
        return set()

    def supersede(self, keys: Collection[str]) -> None:
        assert not keys

    def set_aside(self, rejects: Sequence[Reject]) -> int:
        assert not rejects
        return 0


def _stamp(row: tuple[int, str, Any]) -> Any:
    return row[2]
