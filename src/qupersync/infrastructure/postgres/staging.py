"""The staged rows of one transaction: brought in, found again, and set aside."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Refusal, Reject, Row
from qupersync.domain.errors import RowsRefusedError
from qupersync.domain.ports import Look
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.checked_load import CheckedLoad
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.payloads import Payloads
from qupersync.infrastructure.postgres.raw_load import NEW, SAME, RawLoad
from qupersync.infrastructure.postgres.raw_sql import RawSql
from qupersync.infrastructure.postgres.raw_stage import Asked, Glance, Part, RawStage
from qupersync.infrastructure.postgres.refusals import Refusals
from qupersync.infrastructure.postgres.stage_sql import WHOLE, StageSql


@dataclass(slots=True)
class Staging:
    """Staged rows, in order of arrival; remembers where those of the latest block came from."""

    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    load_sql: LoadSql
    key_indexes: Collection[str]
    allowance: Allowance
    raw_load: RawLoad
    look: Look | None
    asks_repeats: bool = True
    staged: int = 0
    _arrived: int = 0
    _raw: RawStage = field(init=False)
    _refusals: Refusals = field(init=False)
    _payloads: Payloads = field(init=False)
    is_made: bool = field(default=False, init=False)
    _block: Block | None = None
    _block_starts: int = 0
    _is_raw: bool = False
    removed: list[int] = field(default_factory=list)
    _kept: Sequence[int] = ()

    def __post_init__(self) -> None:
        self._raw = RawStage(self.raw_load, self.connection, self.cursor, self.load_sql.collations)
        self._refusals = Refusals(self.allowance)
        self._payloads = Payloads(self.cursor)
        # A deferred constraint would speak at the commit, too late to find its row.
        self.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @property
    def held(self) -> int:
        """Return how many rows are staged now."""
        return self.staged - len(self.removed)

    @property
    def parts(self) -> Sequence[Part]:
        """Return the batches that are staged raw, in the order in which they came."""
        return self._raw.parts

    @property
    def whole(self) -> Part | None:
        """Return what is known of all rows, if they came raw and in one batch."""
        return self.parts[0] if len(self.parts) == 1 and not self.is_made else None

    @property
    def is_judged(self) -> bool:
        """Tell whether the rules of all rows were looked at."""
        return self.whole is None or bool(self.whole.answers)

    @property
    def raw_sql(self) -> RawSql:
        """Return the statements for raw rows; there must be some."""
        return self._raw.sql

    def set_part(self, part: Part) -> None:
        """Say of which raw rows the statements about a part are, until the next call."""
        self.cursor.execute(self.raw_sql.set_part(part.after, part.until))

    def guess(self) -> str:
        """Return what all these rows may be, as ``RawLoad.finds`` has it.

        It holds no lock, for it may be asked before the rows' turn.
        """
        if self.raw_load.finds is None:
            with self.connection.transaction(force_rollback=True):
                is_empty = self.value(self.load_sql.is_empty())
            self.raw_load.finds = NEW if is_empty else SAME
        return self.raw_load.finds

    def value(self, query: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first value of a statement's first row, 0 if there is none."""
        row = self.cursor.execute(query, parameters).fetchone()
        return row[0] if row else 0

    @property
    def _sql(self) -> StageSql:
        return self.load_sql.stage

    def statements(self) -> LoadSql:
        """Return the statements for the rows where they are from now on.

        Not to be asked for in a savepoint: it may bring the rows elsewhere.
        """
        rows = self._raw.rows
        if self.is_made or rows is None:
            self.settle()
            return self.load_sql
        return self.load_sql.over(rows)

    def settle(self) -> None:
        """Bring all rows into the one table where each can be found, which the checked ones need.

        It goes with the transaction.
        """
        if not self.is_made:
            self.cursor.execute(self._sql.create())
            self.is_made = True
        self._raw.spill()

    def add(self, block: Block, glance: Glance | None = None) -> list[Reject]:
        """Keep the promise of ``ports.Unit.stage``."""
        if self.add_raw(block, glance):
            return []
        self.settle()
        checked = block.checked
        load = CheckedLoad(self.connection, self.cursor, self._sql, self.counted)
        refused = load.add(self._placed(checked.rows))
        self._took(
            block, [at for at in range(len(checked.rows)) if at not in refused], is_raw=False
        )
        bad = [checked.reject(at, refusal) for at, refusal in sorted(refused.items())]
        return [*checked.rejects, *bad]

    def add_raw(
        self, block: Block, glance: Glance | None = None, *, is_early: bool = False
    ) -> bool:
        """Bring a batch in as the bytes that came, or not at all; tell which.

        With a ``glance`` its rules may be left for later, as that says. What ``is_early`` is all
        of its transaction, which is of no more use if it is not brought in.
        """
        places = self._arrived, self.staged
        if not self._raw.add(block, *places, self._asked, glance, is_early=is_early):
            return False
        self._took(block, range(len(block.batch)), is_raw=True)
        return True

    def judge(self, block: Block, glance: Glance) -> bool:
        """Look at the rules of a batch if they were left for later; tell whether it keeps them."""
        return self.is_judged or self._raw.judge(block, self._asked, glance)

    @property
    def _asked(self) -> Asked:
        # Rows that are all new need no look at their keys: the target's index does it.
        repeats = self.asks_repeats and self.raw_load.finds != NEW
        return self.load_sql.asked(self.look, repeats=repeats), self.load_sql.asked_of

    def _took(self, block: Block, kept: Sequence[int], *, is_raw: bool) -> None:
        if self._block is not None and not self._is_raw:  # raw rows are where COPY put them
            payloads = self._block.checked.payloads()
            self._payloads.keep([payloads[at] for at in self._kept], self._block_starts)
        self._block, self._block_starts, self._kept = block, self.staged, kept
        self._is_raw = is_raw
        self.staged += len(kept)
        self._arrived += len(block.batch)

    def _placed(self, rows: Sequence[Row]) -> Sequence[Row]:
        if not self._sql.numbers_rows:
            return rows
        return [(*row, place) for place, row in enumerate(rows, start=self._arrived)]

    def counted(self, error: RowsRefusedError) -> Refusal:
        """Count a row that the database refused; return what is wrong with it."""
        return self._refusals.counted(error, of=self.staged)

    def set_aside(self, bad: Mapping[int, Refusal]) -> list[Reject]:
        """Take the rows at these places out of staging."""
        rejects = [self._rejected(at, refusal) for at, refusal in bad.items()]
        self.cursor.execute(self._sql.remove(), [list(bad)])
        self.removed += bad
        return rejects

    def _rejected(self, at: int, refusal: Refusal) -> Reject:
        row = self.cursor.execute(self._sql.in_range(), WHOLE | {"high": at}).fetchone()
        before = (row[0] if row else 0) + sum(gone < at for gone in self.removed)
        place = before - self._block_starts
        if self._block is None:
            raise AssertionError("only what was staged is refused")
        if place >= 0:
            return self._block.checked.reject(self._kept[place], refusal)
        # A snapshot's earlier blocks are not in memory any more.
        for records in self._raw.spilled():
            self._payloads.keep_records(records)
        return self._block.rejected(self._payloads.find(before), refusal)
