"""Rows of a snapshot that the target has as they are, found out while the rest is still read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.sql import SQL

from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.raw_load import NEW
from qupersync.infrastructure.postgres.raw_stage import Glance, Part
from qupersync.infrastructure.postgres.recognising import Found, dispensable, recognised
from qupersync.infrastructure.postgres.staging import Staging

OTHERS = SQL("pg_temp.qupersync_others")
CREATE = "CREATE TEMP TABLE qupersync_others (arrival tid) ON COMMIT DROP"
NOTE = "INSERT INTO pg_temp.qupersync_others SELECT unnest(CAST(%s AS tid[]))"
# Who holds the target now is not waited for: the merge at the end can do without all this.
HURRY = "SAVEPOINT qupersync_look; SET LOCAL lock_timeout TO '100ms'"
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
    _is_same: bool = False
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

    @property
    def glance(self) -> Glance | None:
        """Return how to find out if the next rows are the same, None unless the last ones were."""
        return self._glanced if self.goes_on and self._is_same else None

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
        if not self._before:
            self.staging.cursor.execute(CREATE)
        found = (0, None) if part.is_same else self._let_go(lambda: self._found(part))
        if found is None:
            return False
        others, places = found
        if others:
            self.staging.cursor.execute(NOTE, [places])
        self.others += others
        self._rows += part.rows
        self._is_same = not others
        return self.others <= min(self._rows / 2, MOST_OTHERS)

    def _let_go(self, look: Callable[[], Found | None]) -> Found | None:
        """Look at the target and let go of it at once: the source may be read for hours."""
        return dispensable(self.staging.cursor, look, HURRY)

    def _glanced(self, part: Part) -> Part | None:
        return self._let_go(lambda: recognised(self.staging, part))

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
        staging.set_part(part)
        return cursor.execute(
            staging.load_sql.over(staging.raw_sql.some_rows()).others()
        ).fetchone()
