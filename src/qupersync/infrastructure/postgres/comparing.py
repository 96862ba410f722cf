"""Rows of a snapshot that the target has as they are, found out while the rest is still read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Error
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL

from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.raw_load import NEW
from qupersync.infrastructure.postgres.raw_stage import Part
from qupersync.infrastructure.postgres.staging import Staging

OTHERS = SQL("pg_temp.qupersync_others")
CREATE = "CREATE TEMP TABLE qupersync_others (arrival tid) ON COMMIT DROP"
NOTE = "INSERT INTO pg_temp.qupersync_others SELECT unnest(CAST(%s AS tid[]))"
# Who holds the target now is not waited for: the merge at the end can do without all this.
HURRY = "SET LOCAL lock_timeout TO '100ms'"
# The merge takes their places as one value, of some 30 bytes each in the target's memory.
MOST_OTHERS = 1_000_000


@dataclass(slots=True)
class Comparing:
    """Compares each batch of several as it comes: what is the same need not be merged.

    Nothing of the target stays locked meanwhile, so the end has to ask whether it ``still_holds``.
    It ``goes_on`` for as long as each batch has keys of its own, all of them behind or before those
    of the batches before, and most rows are the same; ``others`` is how many are not.
    """

    staging: Staging
    goes_on: bool = True
    others: int = 0
    _parts: int = 0
    _rows: int = 0
    _ends: list[int] = field(default_factory=list)
    _before: Sequence[Any] = ()

    @property
    def total(self) -> int:
        """Return how many rows the target had; something must have been compared."""
        return int(self._before[0])

    def __call__(self) -> None:
        """Compare what was staged since, once it is more than one batch."""
        parts = self.staging.parts
        if len(parts) > 1:
            for part in parts[self._parts :]:
                self.goes_on = self.goes_on and self._fits(part) and self._compares(part)
            self._parts = len(parts)
            self.staging.asks_repeats = self.goes_on

    def still_holds(self) -> bool:
        """Tell whether all that is staged was compared, and the target is as it was before that.

        From now on nobody can exchange it, or a column of it.
        """
        is_done = self.goes_on and 1 < self._parts == len(self.staging.parts)
        if not is_done or self.staging.is_made:
            return False
        query = self.staging.load_sql.standing(since=self._before[1])
        return self.staging.cursor.execute(query).fetchone() == self._before

    def statements(self) -> LoadSql:
        """Return the statements for the others."""
        return self.staging.load_sql.over(self.staging.raw_sql.chosen_rows(OTHERS))

    def _fits(self, part: Part) -> bool:
        # Without deletions nobody else counts the target's rows, of which there may be many more.
        load = self.staging.raw_load
        if self.staging.is_made or not (load.keeps_unique and load.job.delete_missing):
            return False
        if not part.span or part.answers[0] is not False:
            return False
        (first, last), (low, high) = part.span, self._ends or part.span
        is_apart = not self._ends or first > high or last < low
        self._ends = [min(low, first), max(high, last)]
        return is_apart

    def _compares(self, part: Part) -> bool:
        staging = self.staging
        if not self._before:
            staging.cursor.execute(CREATE)
        try:
            # It is let go of at once, by rolling back: the source may be read for hours.
            with staging.connection.transaction(force_rollback=True):
                staging.cursor.execute(HURRY)
                found = self._found(part)
        except Error as error:  # the merge may do without what is gone or forbidden for a while
            if staging.connection.broken or isinstance(error, QueryCanceled):
                raise
            return False
        if found is None:
            return False
        others, places = found
        if others:
            staging.cursor.execute(NOTE, [places])
        self.others += others
        self._rows += part.rows
        return self.others <= min(self._rows / 2, MOST_OTHERS)

    def _found(self, part: Part) -> Sequence[Any] | None:
        """Return how many rows of a part are not the same, and their places; None if unknown."""
        staging, cursor = self.staging, self.staging.cursor
        if cursor.execute(staging.load_sql.narrow(part.span)).fetchone() is None:
            return None
        if not self._before:
            self._before = cursor.execute(staging.load_sql.standing()).fetchone() or ()
            if not self._before[0]:
                staging.raw_load.finds = NEW
                return None
        return cursor.execute(staging.load_sql.over(staging.some_rows(part)).others()).fetchone()
