"""The staging table of one transaction: rows in, bad rows found, good rows merged."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Refusal, Reject, Row, Tally
from qupersync.domain.errors import (
    ConflictError,
    RowAccountingError,
    RowsRefusedError,
)
from qupersync.domain.lateness import Lateness
from qupersync.domain.ports import Merged
from qupersync.domain.row_check import Block
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.checked_load import CheckedLoad
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.merge_sql import BROADEN, NARROW, LoadSql
from qupersync.infrastructure.postgres.payloads import Payloads
from qupersync.infrastructure.postgres.raw_load import NEW, SAME, RawLoad, RawStage
from qupersync.infrastructure.postgres.refusals import Refusals
from qupersync.infrastructure.postgres.stage_sql import WHOLE, StageSql


def _lateness(ages: Sequence[float] | None) -> Lateness:
    return Lateness.of(timedelta(seconds=age) for age in ages or ())


def _alike(tally: Tally) -> str:
    kinds = {NEW: tally.inserted, SAME: tally.unchanged}
    return next((kind for kind, rows in kinds.items() if rows == tally.upserted), "")


@dataclass(slots=True)
class Staging:
    """Staged rows, in order of arrival; remembers where those of the latest block came from."""

    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    load_sql: LoadSql
    key_indexes: Collection[str]
    allowance: Allowance
    raw_load: RawLoad
    staged: int = 0
    upserted: int = 0
    _arrived: int = 0
    _raw: RawStage = field(init=False)
    _refusals: Refusals = field(init=False)
    _payloads: Payloads = field(init=False)
    _is_made: bool = False
    _is_narrow: bool = False
    _folds: bool | None = None
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
    def _sql(self) -> StageSql:
        return self.load_sql.stage

    def statements(self) -> LoadSql:
        """Return the statements for the rows where they are from now on.

        Not to be asked for in a savepoint: it may bring the rows elsewhere.
        """
        rows = self._raw.rows
        if self._is_made or rows is None:
            self._settle()
            return self.load_sql
        return self.load_sql.over(rows)

    def _settle(self) -> None:
        """Bring all rows into the one table where each can be found, which the checked ones need.

        It goes with the transaction.
        """
        if not self._is_made:
            self.cursor.execute(self._sql.create())
            self._is_made = True
        if self._is_narrow:
            self.cursor.execute(BROADEN)
            self._is_narrow = False
        self._raw.spill()

    def add(self, block: Block) -> list[Reject]:
        """Keep the promise of ``ports.Unit.stage``."""
        if self.add_raw(block):
            return []
        self._settle()
        checked = block.checked
        load = CheckedLoad(self.connection, self.cursor, self._sql, self._counted)
        refused = load.add(self._placed(checked.rows))
        self._took(
            block, [at for at in range(len(checked.rows)) if at not in refused], is_raw=False
        )
        bad = [checked.reject(at, refusal) for at, refusal in sorted(refused.items())]
        return [*checked.rejects, *bad]

    def add_raw(self, block: Block) -> bool:
        """Bring a batch in as the bytes that came, or not at all; tell which."""
        if not self._raw.add(block, self._arrived, self.staged):
            return False
        self._took(block, range(len(block.batch)), is_raw=True)
        return True

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

    def merge(self, late: Window | None = None) -> Merged:
        """Keep the promise of ``ports.Unit.merge``."""
        guessed = None if self._is_made else self._guessed(late)
        if guessed is not None:
            return guessed
        rejects: list[Reject] = []
        while True:
            merge = self._merge_sql(late)
            try:
                with self.connection.transaction():
                    merged = self._merged(merge)
                self.raw_load.finds = _alike(merged.tally)
                return replace(merged, rejects=tuple(rejects))
            except RowsRefusedError:
                self._settle()
                bad = self._culprits(WHOLE)
                if not bad:  # they refuse each other, as two rows under another unique index do
                    raise
            # Without them, older rows with their keys are up for the merge, and may be as bad.
            rejects += [self._rejected(at, refusal) for at, refusal in bad.items()]
            self.cursor.execute(self._sql.remove(), [list(bad)])
            self.removed += bad

    def foresee(self) -> None:
        """Find out before the merge what it will want to know of the rows."""
        is_told = self.raw_load.finds == SAME and self._raw.span
        if not self._is_made and self.raw_load.finds != NEW and not is_told:
            self._repeats()

    def _guess(self) -> str:
        if self.raw_load.finds is None:
            self.raw_load.finds = NEW if self._value(self.load_sql.is_empty()) else ""
        return self.raw_load.finds

    def _guessed(self, late: Window | None) -> Merged | None:
        """Take the short way for rows that are all like those of the batch before."""
        guess, sql = self._guess(), self.statements()
        if guess == NEW:
            refused = (ConflictError, RowsRefusedError, RowAccountingError)
            with suppress(*refused), self.connection.transaction():
                return self._appended(sql, late)
        if guess == SAME and (self._narrowed() or not self._repeats()):
            self.upserted = self._value(sql.same(is_narrow=self._is_narrow))
            if self.upserted == self.held and self._is_unique():
                return Merged(tally=Tally(unchanged=self.held))
        return None

    def _is_unique(self) -> bool:
        # Nobody can drop it any more once the rows are written or compared.
        return bool(self._value(self.load_sql.is_unique(self.key_indexes)))

    def _appended(self, sql: LoadSql, late: Window | None) -> Merged:
        with translated(conflict_on=self.key_indexes):
            written = self.cursor.execute(sql.append()).rowcount
        if written != self.held:
            raise RowAccountingError(
                f"{self.held} rows were to be inserted, but the target took {written}"
            )
        if not self._is_unique():
            raise ConflictError("nothing keeps the key unique")
        self.upserted = written
        ages = [] if late is None else self._value(sql.late(late))
        return Merged(tally=Tally(inserted=written), lateness=_lateness(ages))

    def _repeats(self) -> bool:
        if self._folds is None:
            self._folds = self._value(self.statements().repeats())
        return bool(self._folds)

    def _merged(self, query: SQL, *, is_whole: bool = True) -> Merged:
        with translated(conflict_on=self.key_indexes):
            row = self.cursor.execute(query).fetchone() or (0,) * 8
        seen, inserted, updated, unchanged, folded, really_inserted, really_updated, ages = row
        if (inserted, updated) != (really_inserted, really_updated):
            raise RowAccountingError(
                f"{inserted} rows were to be inserted and {updated} updated, but the target "
                f"took {really_inserted} and {really_updated}"
            )
        if is_whole and seen != self.held:
            raise RowAccountingError(f"{self.held} rows were staged, the target saw {seen}")
        tally = Tally(inserted=inserted, updated=updated, unchanged=unchanged, deduplicated=folded)
        self.upserted = tally.upserted
        return Merged(tally=tally, lateness=_lateness(ages))

    def _merge_sql(self, late: Window | None) -> SQL:
        sql = self.statements()
        # To sort a batch costs more than to look; checked ones are small or have a bad row.
        folds = self._is_made or self._repeats()
        return sql.merge(late, folds=folds, is_narrow=self._narrowed())

    def _narrowed(self) -> bool:
        """Have the target read in one go if that is no more than a few rows for each of these."""
        if self._raw.span and not self._is_narrow:
            self.cursor.execute(NARROW, [str(key) for key in self._raw.span])
            self._is_narrow = True
        return self._is_narrow

    def _culprits(self, part: dict[str, int]) -> dict[int, Refusal]:
        count = self._value(self._sql.in_range(), part)
        error = self._objection(part) if count else None
        if error is None:
            return {}
        if count == 1:
            return {self._value(self._sql.middle(), part | {"half": 0}): self._counted(error)}
        middle = self._value(self._sql.middle(), part | {"half": count // 2})
        return self._culprits(part | {"high": middle}) | self._culprits(part | {"low": middle})

    def _counted(self, error: RowsRefusedError) -> Refusal:
        return self._refusals.counted(error, of=self.staged)

    def _objection(self, part: dict[str, int]) -> RowsRefusedError | None:
        try:
            with self.connection.transaction(force_rollback=True):
                self._merged(self.load_sql.merge(part=part), is_whole=False)
        except RowsRefusedError as error:
            return error
        return None

    def _rejected(self, at: int, refusal: Refusal) -> Reject:
        before = self._value(self._sql.in_range(), WHOLE | {"high": at}) + sum(
            gone < at for gone in self.removed
        )
        place = before - self._block_starts
        if self._block is None:
            raise AssertionError("only what was staged is refused")
        if place >= 0:
            return self._block.checked.reject(self._kept[place], refusal)
        # A snapshot's earlier blocks are not in memory any more.
        for records in self._raw.spilled():
            self._payloads.keep_records(records)
        return self._block.rejected(self._payloads.find(before), refusal)

    def _value(self, query: Any, parameters: dict[str, Any] | None = None) -> Any:
        row = self.cursor.execute(query, parameters).fetchone()
        return row[0] if row else 0
