"""Rows that are all new are only inserted, and if need be before their turn."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic

from psycopg.errors import InsufficientPrivilege

from qupersync.domain.batch import Tally
from qupersync.domain.errors import RowAccountingError, RowsRefusedError
from qupersync.domain.lateness import Lateness
from qupersync.domain.ports import Merged
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.raw_load import NEW
from qupersync.infrastructure.postgres.staging import Staging
from qupersync.infrastructure.postgres.uniqueness import tried

# So long may rows that are written early wait for their turn, and so long before it is asked
# whether anybody waits for them: it may be the batch before, which is blocked by one of their keys.
EARLY_S, LOOK_EVERY_S = 2.0, 0.1
IS_IN_THE_WAY = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))
"""


@dataclass(slots=True)
class Appending:
    """Inserts staged rows, none of which may be in the target; ``is_done`` once that was early."""

    staging: Staging
    is_done: bool = field(default=False, init=False)

    def __call__(self, late: Window | None = None) -> Merged:
        """Insert the rows, unless that is done, and count them.

        Raises:
            RowAccountingError: the target took fewer.
            RowsRefusedError: it refuses one.
            ConflictError: it has one, or they have a key twice.
        """
        if not self.is_done:
            self._insert()
        sql, rows = self.staging.statements(), self.staging.held
        ages = [] if late is None else self.staging.value(sql.late(late))
        return Merged(tally=Tally(inserted=rows), lateness=lateness(ages))

    def early(self, fence: Callable[[], None], turn: Callable[[float], bool]) -> None:
        """Insert the rows while the batch before is still being stored, if they seem to be new.

        Where both have a key, the one that waits for the other finds that its rows are not new, or
        the early one is in the way. It must be a table where nothing acts on a row: a trigger might
        look for that batch, and not find it yet. And their turn must come soon, as the source may
        be silent for long: ``turn`` waits for it, so many seconds, and tells whether it came.
        """
        load = self.staging.raw_load
        may_go = self.staging.is_judged and load.keeps_unique and load.goes_early
        if may_go and self.staging.guess() == NEW:
            try:
                with suppress(RowsRefusedError):
                    if self.staging.value(self.staging.load_sql.stands_alone()):
                        way = partial(self._in_time, fence, turn)
                        self.is_done = tried(self.staging, way) is not None
            finally:
                load.goes_early &= self.is_done

    def _in_time(self, fence: Callable[[], None], turn: Callable[[float], bool]) -> Merged:
        fence()
        merged, until = self(), monotonic() + EARLY_S
        while not turn(LOOK_EVERY_S):
            if monotonic() > until or self._is_in_the_way():
                raise RowAccountingError("the turn of the rows does not come")
        return merged

    def _is_in_the_way(self) -> bool:
        try:
            return bool(self.staging.value(IS_IN_THE_WAY))
        except InsufficientPrivilege:  # somebody hides the locks
            return True

    def _insert(self) -> None:
        append = self.staging.statements().append()
        with translated(conflict_on=self.staging.key_indexes):
            written = self.staging.cursor.execute(append).rowcount
        if written != self.staging.held:
            raise RowAccountingError(
                f"{self.staging.held} rows were to be inserted, but the target took {written}"
            )


def lateness(ages: Sequence[float] | None) -> Lateness:
    """Return how late rows are, given each one's age in seconds."""
    return Lateness.of(timedelta(seconds=age) for age in ages or ())
