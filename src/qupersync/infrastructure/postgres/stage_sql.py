"""The staging table of checked values: how it is made, filled, searched and emptied."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from qupersync.domain.load_path import MOST_COLUMNS
from qupersync.domain.table_name import TableName

# Generated names: a target may have any column names, and 63 bytes leave no room for a prefix.
STAGE = SQL("pg_temp.qupersync_stage")
ARRIVAL = SQL("arrival")
# The order of arrival where 1,600 columns leave no room for it: each row is inserted by a command
# of its own. Not ctid, for a small row may go to an earlier page that has room.
_COMMAND = SQL("s.cmin::text::bigint")
WHOLE = {"low": 0, "high": 2**32}
WITHIN = SQL("{arrival} >= {low} AND {arrival} < {high}")

CREATE = SQL("CREATE TEMP TABLE qupersync_stage ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
INSERT = SQL("INSERT INTO {} VALUES ({})")
IN_RANGE = SQL("SELECT count(*) FROM {} AS s WHERE {}")
MIDDLE = SQL("SELECT {0} FROM {1} AS s WHERE {2} ORDER BY {0} OFFSET %(half)s LIMIT 1")
REMOVE = SQL("DELETE FROM {} AS s WHERE {} = ANY (%s)")


@dataclass(frozen=True, kw_only=True)
class StageSql:
    """Staged columns in the order of the target's ``columns``, with the target's types."""

    target: TableName
    columns: tuple[str, ...]

    @property
    def numbers_rows(self) -> bool:
        """Tell whether a last column holds the order of arrival."""
        return len(self.columns) <= MOST_COLUMNS

    @cached_property
    def arrival(self) -> Composable:
        """Return the expression for a staged row's place in the order of arrival."""
        return SQL("s.{}").format(ARRIVAL) if self.numbers_rows else _COMMAND

    def staged(self, name: str) -> Identifier:
        """Return the staging column of a target's column."""
        return staged_name(self.columns.index(name))

    def create(self) -> Composed:
        """Make the staging table, with the target's own types and collations."""
        names: list[Composable] = [
            SQL("{} AS {}").format(Identifier(name), self.staged(name)) for name in self.columns
        ]
        if self.numbers_rows:
            names.append(SQL("0::bigint AS {}").format(ARRIVAL))
        target = Identifier(self.target.schema, self.target.table)
        return CREATE.format(listed(names), target)

    def insert(self) -> Composed:
        """Stage one row; its place follows its values."""
        width = len(self.columns) + self.numbers_rows
        return INSERT.format(STAGE, listed([SQL("%s")] * width))

    def in_range(self) -> Composed:
        """Count the rows that arrived in ``[low, high)``."""
        return IN_RANGE.format(STAGE, self._part)

    def middle(self) -> Composed:
        """Return the place of the row number ``half`` of those that arrived in ``[low, high)``."""
        return MIDDLE.format(self.arrival, STAGE, self._part)

    def remove(self) -> Composed:
        """Remove the rows at these places."""
        return REMOVE.format(STAGE, self.arrival)

    @property
    def _part(self) -> Composed:
        low, high = Placeholder("low"), Placeholder("high")
        return WITHIN.format(arrival=self.arrival, low=low, high=high)


def staged_name(at: int) -> Identifier:
    """Return the staging column of the target column number ``at``."""
    return Identifier(f"c{at}")


def listed(parts: Iterable[Composable]) -> Composed:
    """Join expressions with commas."""
    return SQL(", ").join(parts)
