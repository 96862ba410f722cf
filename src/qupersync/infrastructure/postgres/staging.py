"""The staging table of one transaction: rows in, bad rows found, good rows merged."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Placeholder

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Checked, Refusal, Reject, Row, Tally
from qupersync.domain.errors import RowAccountingError, RowsRefusedError, TooManyRejectsError
from qupersync.domain.lateness import Lateness
from qupersync.domain.ports import Merged
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.merge_sql import ARRIVAL, STAGE, WHOLE, WITHIN, LoadSql

_PART = WITHIN.format(arrival=ARRIVAL, low=Placeholder("low"), high=Placeholder("high"))
IN_RANGE = SQL("SELECT count(*) FROM {} AS s WHERE {}").format(STAGE, _PART)
MIDDLE = SQL("SELECT {0} FROM {1} AS s WHERE {2} ORDER BY {0} OFFSET %(half)s LIMIT 1").format(
    ARRIVAL, STAGE, _PART
)
REMOVE = SQL("DELETE FROM {} AS s WHERE {} = ANY (%s)").format(STAGE, ARRIVAL)
STAGED_FORMAT = "target-text-v1"
SEARCH_LIMIT = 1_000
_REASONS = {
    "22001": "lossy-cast",
    "22003": "out-of-range",
    "22007": "invalid-datetime",
    "22008": "invalid-datetime",
    "23502": "required",
    "23503": "foreign-key",
    "23505": "not-unique",
    "23514": "check",
    "54000": "too-long",
}


def _refusal(error: RowsRefusedError) -> Refusal:
    return Refusal(_REASONS.get(error.sqlstate, "invalid-value"), error.column, error.sqlstate)


@dataclass(slots=True)
class Staging:
    """Staged rows, in order of arrival; remembers where those of the latest block came from."""

    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    load_sql: LoadSql
    key_indexes: Collection[str]
    allowance: Allowance
    staged: int = 0
    refused: int = 0
    _block: Checked | None = None
    _block_starts: int = 0
    removed: list[int] = field(default_factory=list)
    _kept: list[int] = field(default_factory=list)

    def create(self) -> None:
        """Make the table; it goes with the transaction."""
        self.cursor.execute(self.load_sql.create())
        # A deferred constraint would speak at the commit, too late to find its row.
        self.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def add(self, checked: Checked) -> list[Reject]:
        """Stage a block; return the rows that PostgreSQL cannot read as the column's type."""
        refused = self._add(checked.rows, 0)
        self._kept = [at for at in range(len(checked.rows)) if at not in refused]
        self._block, self._block_starts = checked, self.staged
        self.staged += len(self._kept)
        return [checked.reject(at, refusal) for at, refusal in sorted(refused.items())]

    def _add(self, rows: Sequence[Row], offset: int) -> dict[int, Refusal]:
        if not rows:
            return {}
        try:
            with translated(), self.connection.transaction():
                self.cursor.executemany(self.load_sql.insert(), rows)
        except RowsRefusedError as error:
            if len(rows) == 1:
                refusal = self._counted(error)
                return {offset: replace(refusal, column=self._unreadable(rows[0]))}
            half = len(rows) // 2
            return self._add(rows[:half], offset) | self._add(rows[half:], offset + half)
        return {}

    def _unreadable(self, row: Row) -> str:
        low, high = 0, len(row)
        while high - low > 1:
            middle = (low + high) // 2
            if self._takes(row, low, middle):
                low = middle
            else:
                high = middle
        return self.load_sql.columns[low]

    def _takes(self, row: Row, low: int, high: int) -> bool:
        part = [value if low <= at < high else None for at, value in enumerate(row)]
        try:
            with translated(), self.connection.transaction(force_rollback=True):
                self.cursor.execute(self.load_sql.insert(), part)
        except RowsRefusedError:
            return False
        return True

    def merge(self, late: Window | None = None) -> Merged:
        """Keep the promise of ``ports.Unit.merge``."""
        rejects: list[Reject] = []
        while True:
            try:
                with self.connection.transaction():
                    tally, lateness = self._merged(WHOLE, late)
                    return Merged(tally=tally, rejects=tuple(rejects), lateness=lateness)
            except RowsRefusedError:
                bad = self._culprits(WHOLE)
                if not bad:  # they refuse each other, as two rows under another unique index do
                    raise
            # Without them, older rows with their keys are up for the merge, and may be as bad.
            rejects += [self._rejected(at, refusal) for at, refusal in bad.items()]
            self.cursor.execute(REMOVE, [list(bad)])
            self.removed += bad

    def _merged(self, part: dict[str, int], late: Window | None = None) -> tuple[Tally, Lateness]:
        with translated(conflict_on=self.key_indexes):
            merge = self.load_sql.merge(**part, late=late)
            row = self.cursor.execute(merge).fetchone() or (0,) * 8
        seen, inserted, updated, unchanged, folded, really_inserted, really_updated, ages = row
        if (inserted, updated) != (really_inserted, really_updated):
            raise RowAccountingError(
                f"{inserted} rows were to be inserted and {updated} updated, but the target "
                f"took {really_inserted} and {really_updated}"
            )
        staged = self.staged - len(self.removed)
        if part is WHOLE and seen != staged:
            raise RowAccountingError(f"{staged} rows were staged, the target saw {seen}")
        tally = Tally(inserted=inserted, updated=updated, unchanged=unchanged, deduplicated=folded)
        return tally, Lateness.of(timedelta(seconds=age) for age in ages or ())

    def _culprits(self, part: dict[str, int]) -> dict[int, Refusal]:
        count = self._value(IN_RANGE, part)
        error = self._objection(part) if count else None
        if error is None:
            return {}
        if count == 1:
            return {self._value(MIDDLE, part | {"half": 0}): self._counted(error)}
        middle = self._value(MIDDLE, part | {"half": count // 2})
        return self._culprits(part | {"high": middle}) | self._culprits(part | {"low": middle})

    def _counted(self, error: RowsRefusedError) -> Refusal:
        # Each bad row costs about two statements: all of 1,000,000 would take hours to find.
        self.refused += 1
        if self.refused > SEARCH_LIMIT and self.allowance.is_exceeded(self.refused, self.staged):
            raise TooManyRejectsError(
                f"more than {SEARCH_LIMIT} rows were refused by the target, the last by: {error}"
            )
        return _refusal(error)

    def _objection(self, part: dict[str, int]) -> RowsRefusedError | None:
        try:
            with self.connection.transaction(force_rollback=True):
                self._merged(part)
        except RowsRefusedError as error:
            return error
        return None

    def _rejected(self, at: int, refusal: Refusal) -> Reject:
        before = self._value(IN_RANGE, WHOLE | {"high": at}) + sum(
            gone < at for gone in self.removed
        )
        place = before - self._block_starts
        if self._block is not None and place >= 0:
            return self._block.reject(self._kept[place], refusal)
        # A snapshot's earlier blocks are not in memory any more: what was staged is kept.
        row = self.cursor.execute(self.load_sql.staged_row(), {"at": at}).fetchone() or ()
        values = dict(zip(self.load_sql.columns, row, strict=True))
        return Reject(
            payload=json.dumps(row).encode(),
            payload_format=STAGED_FORMAT,
            refusal=refusal,
            key=json.dumps([values[name] for name in self.load_sql.key]),
            values=values,
        )

    def _value(self, query: Any, parameters: dict[str, Any]) -> Any:
        row = self.cursor.execute(query, parameters).fetchone()
        return row[0] if row else 0
