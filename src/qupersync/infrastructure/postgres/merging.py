"""Staged rows into the target: the short ways, the long one, and who is to blame for neither."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from psycopg.sql import SQL

from qupersync.domain.batch import Reject, Tally
from qupersync.domain.errors import RowAccountingError, RowsRefusedError
from qupersync.domain.ports import Merged
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.appending import Appending, lateness
from qupersync.infrastructure.postgres.comparing import Comparing
from qupersync.infrastructure.postgres.culprits import culprits
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.narrow_sql import BROADEN
from qupersync.infrastructure.postgres.raw_load import NEW, SAME, RawLoad
from qupersync.infrastructure.postgres.raw_stage import Glance, Part
from qupersync.infrastructure.postgres.recognising import dispensable, recognised
from qupersync.infrastructure.postgres.staging import Staging
from qupersync.infrastructure.postgres.uniqueness import is_unique, tried


@dataclass(slots=True)
class Merging:
    """Brings staged rows into the target.

    ``upserted`` is how many of them it holds then, ``total`` of how many in all; None if unknown.
    """

    staging: Staging
    comparing: Comparing = field(init=False)
    appending: Appending = field(init=False)
    upserted: int = field(default=0, init=False)
    total: int | None = field(default=None, init=False)
    _is_narrow: bool = field(default=False, init=False)
    _folds: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.comparing = Comparing(self.staging)
        self.appending = Appending(self.staging)

    def __call__(self, late: Window | None = None) -> Merged:
        """Keep the promise of ``ports.Unit.merge``."""
        rejects: list[Reject] = []
        while True:
            try:
                merged = replace(self._loaded(late), rejects=tuple(rejects))
            except RowsRefusedError:
                self._settle()
                bad = culprits(self.staging, self._objection)
                if not bad:  # they refuse each other, as two rows under another unique index do
                    raise
                # Without them, older rows with their keys are up, and may be as bad.
                rejects += self.staging.set_aside(bad)
            else:
                self._broaden()
                self._raw_load.finds = _alike(merged.tally)
                return merged

    def _loaded(self, late: Window | None) -> Merged:
        if self.appending.is_done:
            return self._appended(late)
        if (whole := self.staging.whole) and whole.is_same:
            self.upserted = whole.rows
            return Merged(tally=Tally(unchanged=whole.rows))
        if not self.staging.is_made and (merged := self._guessed(late)):
            return merged
        merge = self._merge_sql(late)
        with self.staging.connection.transaction():
            return self._merged(merge, self.staging.held)

    def foresee(self) -> None:
        """Find out before the merge what it will want to know of the rows."""
        if not self.staging.is_made and self._raw_load.finds != NEW:
            self._repeats()

    @property
    def glance(self) -> Glance | None:
        """Return what leaves the rules of rows for their turn, if the target may have them."""
        load = self._raw_load
        is_known = load.glances and load.keeps_unique and self.staging.guess() == SAME
        return _later if is_known else None

    def recognise(self, part: Part) -> Part | None:
        """Find out whether it has; to be asked under the fence."""
        found = dispensable(self.staging.cursor, lambda: recognised(self.staging, part))
        load = self._raw_load
        if found is None and load.glances and load.finds == SAME:
            load.finds = ""
        return found

    @property
    def _raw_load(self) -> RawLoad:
        return self.staging.raw_load

    def _settle(self) -> None:
        self.staging.settle()
        self._broaden()

    def _broaden(self) -> None:
        """Let the planner choose again: before PostgreSQL 18 it compiles what has no other plan."""
        if self._is_narrow:
            self.staging.cursor.execute(BROADEN)
            self._is_narrow = False

    def _guessed(self, late: Window | None) -> Merged | None:
        """Take a short way, None if there is none for these rows."""
        sql, load = self.staging.statements(), self._raw_load
        if self.comparing.still_holds() and (merged := self._others(late)):
            return merged
        if load.keeps_unique and self.staging.guess() == NEW:
            # What is refused may be there already, as it is.
            with suppress(RowsRefusedError):
                if merged := tried(self.staging, lambda: self._appended(late)):
                    return merged
        if not load.keeps_unique or self._repeats():
            return None
        return self._compared(sql, late)

    def _appended(self, late: Window | None) -> Merged:
        self.upserted = self.staging.held
        return self.appending(late)

    def _others(self, late: Window | None) -> Merged | None:
        """Take the way for rows that were compared as they came."""
        others = self.comparing.others
        same = Tally(unchanged=self.staging.held - others)
        if not others:
            if not is_unique(self.staging):
                return None
            self.upserted, self.total = self.staging.held, self.comparing.total
            return Merged(tally=same)
        merge = self.comparing.statements().merge(late, folds=False, is_unique=True)
        if merged := tried(self.staging, lambda: self._merged(merge, others)):
            self.upserted += same.unchanged
            self.total = self.comparing.total + merged.tally.inserted
            return replace(merged, tally=merged.tally + same)
        return None

    def _compared(self, sql: LoadSql, late: Window | None) -> Merged | None:
        """Take the way for rows whose keys are known to be unique, among them and in the target."""
        is_narrow = self._narrowed()
        if self.staging.guess() == SAME:
            self.upserted = self.staging.value(sql.same(is_narrow=is_narrow))
            if self.upserted == self.staging.held and is_unique(self.staging):
                return Merged(tally=Tally(unchanged=self.staging.held))
        merge = sql.merge(late, folds=False, is_narrow=is_narrow, is_unique=True)
        return tried(self.staging, lambda: self._merged(merge, self.staging.held))

    def _repeats(self) -> bool:
        if self._folds is None and (whole := self.staging.whole):
            self._folds = whole.answers[0]
        if self._folds is None:
            self._folds = self.staging.value(self.staging.statements().repeats())
        return bool(self._folds)

    def _merged(self, query: SQL, rows: int | None) -> Merged:
        """Run a merge, of so many ``rows`` if that is known, and check its accounts."""
        with translated(conflict_on=self.staging.key_indexes):
            row = self.staging.cursor.execute(query).fetchone() or (0,) * 7
        seen, inserted, updated, folded, really_inserted, really_updated, ages = row
        if (inserted, updated) != (really_inserted, really_updated):
            raise RowAccountingError(
                f"{inserted} rows were to be inserted and {updated} updated, but the target "
                f"took {really_inserted} and {really_updated}"
            )
        if rows is not None and seen != rows:
            raise RowAccountingError(f"{rows} rows were to be merged, the target saw {seen}")
        unchanged = seen - inserted - updated - folded
        tally = Tally(inserted=inserted, updated=updated, unchanged=unchanged, deduplicated=folded)
        self.upserted = tally.upserted
        return Merged(tally=tally, lateness=lateness(ages))

    def _merge_sql(self, late: Window | None) -> SQL:
        sql = self.staging.statements()
        # To sort a batch costs more than to look; checked ones are small or have a bad row.
        folds = self.staging.is_made or self._repeats()
        return sql.merge(late, folds=folds, is_narrow=self._narrowed())

    def _narrowed(self) -> bool:
        """Have the target read in one go if that is no more than a few rows for each of these."""
        whole = self.staging.whole
        if whole and whole.span and not self._is_narrow:
            narrow = self.staging.load_sql.narrow(whole.span)
            self._is_narrow = self.staging.cursor.execute(narrow).fetchone() is not None
        return self._is_narrow

    def _objection(self, part: dict[str, int]) -> RowsRefusedError | None:
        try:
            with self.staging.connection.transaction(force_rollback=True):
                self._merged(self.staging.load_sql.merge(part=part), None)
        except RowsRefusedError as error:
            return error
        return None


def _alike(tally: Tally) -> str:
    kinds = {NEW: tally.inserted, SAME: tally.unchanged}
    return next((kind for kind, rows in kinds.items() if rows == tally.upserted), "")


def _later(part: Part) -> Part:
    return part
