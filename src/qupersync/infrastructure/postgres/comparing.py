"""Rows of a snapshot that the target has as they are, found out while the rest is still read."""

from dataclasses import dataclass, field

from psycopg.sql import SQL

from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.narrow_sql import BROADEN
from qupersync.infrastructure.postgres.raw_load import NEW
from qupersync.infrastructure.postgres.raw_stage import Part
from qupersync.infrastructure.postgres.staging import Staging

OTHERS = SQL("pg_temp.qupersync_others")
CREATE = "CREATE TEMP TABLE qupersync_others (arrival tid) ON COMMIT DROP"


@dataclass(slots=True)
class Comparing:
    """Compares each batch of several as it comes: what is the same need not be merged.

    That locks no row. It ``goes_on`` for as long as each batch has keys of its own, all of them
    behind or before those of the batches before, and most rows are the same; ``others`` is how
    many are not.
    """

    staging: Staging
    goes_on: bool = True
    others: int = 0
    _parts: int = 0
    _rows: int = 0
    _ends: list[int] = field(default_factory=list)

    def __call__(self) -> None:
        """Compare what was staged since, once it is more than one batch."""
        parts = self.staging.parts
        if len(parts) > 1:
            for part in parts[self._parts :]:
                self.goes_on = self.goes_on and self._fits(part) and self._compares(part)
            self._parts = len(parts)
            self.staging.asks_repeats = self.goes_on

    @property
    def is_done(self) -> bool:
        """Tell whether all that is staged was compared."""
        return self.goes_on and 1 < self._parts == len(self.staging.parts)

    def statements(self) -> LoadSql:
        """Return the statements for the others."""
        return self.staging.load_sql.over(self.staging.raw_sql.chosen_rows(OTHERS))

    def _fits(self, part: Part) -> bool:
        if self.staging.is_made or not part.span or part.answers[0] is not False:
            return False
        if not self._ends:
            self.staging.cursor.execute(CREATE)
            self._ends += part.span
            return self.staging.guess() != NEW
        (first, last), (low, high) = part.span, self._ends
        self._ends = [min(low, first), max(high, last)]
        return first > high or last < low

    def _compares(self, part: Part) -> bool:
        staging = self.staging
        narrow = staging.load_sql.narrow(part.span)
        if not staging.raw_load.keeps_unique or not staging.cursor.execute(narrow).fetchone():
            return False
        found = staging.load_sql.over(staging.some_rows(part)).others(OTHERS)
        self.others += staging.cursor.execute(found).rowcount
        staging.cursor.execute(BROADEN)
        self._rows += part.rows
        return self.others <= self._rows / 2
