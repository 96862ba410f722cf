"""Checked rows into staging: together, and in ever smaller parts where PostgreSQL refuses one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from qupersync.domain.batch import Refusal, Row
from qupersync.domain.errors import RowsRefusedError
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.stage_sql import StageSql


@dataclass(frozen=True, slots=True)
class CheckedLoad:
    """The staging table of one transaction; ``counted`` says why a row was refused, or gives up."""

    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    sql: StageSql
    counted: Callable[[RowsRefusedError], Refusal]

    def add(self, rows: Sequence[Row], offset: int = 0) -> dict[int, Refusal]:
        """Insert rows; return those that PostgreSQL refused, by position from ``offset`` on."""
        if not rows:
            return {}
        try:
            with translated(), self.connection.transaction():
                self.cursor.executemany(self.sql.insert(), rows)
        except RowsRefusedError as error:
            if len(rows) == 1:
                refusal = self.counted(error)
                return {offset: replace(refusal, column=self._unreadable(rows[0]))}
            half = len(rows) // 2
            return self.add(rows[:half], offset) | self.add(rows[half:], offset + half)
        return {}

    def _unreadable(self, row: Row) -> str:
        low, high = 0, len(self.sql.columns)
        while high - low > 1:
            middle = (low + high) // 2
            if self._takes(row, low, middle):
                low = middle
            else:
                high = middle
        return self.sql.columns[low]

    def _takes(self, row: Row, low: int, high: int) -> bool:
        part = [value if low <= at < high else None for at, value in enumerate(row)]
        try:
            with translated(), self.connection.transaction(force_rollback=True):
                self.cursor.execute(self.sql.insert(), part)
        except RowsRefusedError:
            return False
        return True
