"""What is asked of rows alone, without the table they go to: repeated keys, and watermarks."""

from collections.abc import Callable
from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.ports import Look
from qupersync.domain.watermark import WatermarkType, canonical
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.rows_sql import RowsSql
from qupersync.infrastructure.postgres.stage_sql import listed

OBSERVED = SQL("""count(*) FILTER (WHERE {mark} IS NULL),
       count(*) FILTER (WHERE {mark} < {low} OR {mark} >= {high}),
       {unsettled}, {newest}""")
UNSETTLED = SQL("""count(*) FILTER (WHERE {open} AND {mark} < {patience}
                          AND ({before} IS NULL OR {mark} >= {before})),
       min({mark}) FILTER (WHERE {open} AND {mark} >= {patience} AND {mark} < {high})""")
ALL_SETTLED = SQL("0, NULL")
REPEATS = SQL("SELECT EXISTS (SELECT FROM {} AS s GROUP BY {} HAVING count(*) > 1)")
# In less than half the time, but only of one column.
REPEATS_ONE = SQL("count(*) > count(DISTINCT {})")
SELECT = SQL("SELECT {} FROM {} AS s")
UNASKED, UNOBSERVED = SQL("NULL"), SQL("NULL, NULL, NULL, NULL, NULL")


@dataclass(frozen=True, kw_only=True)
class AskedSql(RowsSql):
    """The questions; each can be a statement, or be asked along with others of the same rows."""

    @kept
    def repeats(self) -> Composed:
        """Tell whether a key is there more than once."""
        if len(self.key) == 1:
            return SELECT.format(REPEATS_ONE.format(self._staged_key), self.rows)
        return REPEATS.format(self.rows, self._staged_key)

    @kept
    def observe(self, look: Look) -> Composed:
        """Count and compare the staged watermarks; five columns as ``Observed`` has them."""
        return SELECT.format(self._observed(look, self.stage.staged), self.rows)

    @kept
    def asked(self, look: Look | None, *, repeats: bool) -> Composed:
        """Return what to ask as the rows are staged, in one go: ``repeats``, and ``observe``.

        Six columns; NULL is what was not asked, or takes a statement of its own.
        """
        is_found_here = repeats and len(self.key) == 1
        return listed(
            [
                REPEATS_ONE.format(self._staged_key) if is_found_here else UNASKED,
                UNOBSERVED if look is None else self._observed(look, self.stage.staged),
            ]
        )

    def asked_of_target(self, look: Look | None) -> Composed:
        """Return what ``asked`` would say of rows ``t`` of the target, one for each key."""
        seen = UNOBSERVED if look is None else self._observed(look, _stored)
        return listed([SQL("false"), seen])

    @property
    def asked_of(self) -> tuple[str, ...]:
        """Return the columns that ``asked`` looks at."""
        settled = self.settled.column if self.settled else None
        return tuple(filter(None, (*self.key, self.watermark, settled)))

    def _observed(self, look: Look, named: Callable[[str], Composable]) -> Composed:
        column, kind = self._mark
        mark = named(column)
        points = {"low": look.window.low, "high": look.window.high}
        points |= {"patience": look.patience, "before": look.before}
        casts = {
            name: SQL("CAST({} AS {})").format(
                Literal(None if at is None else canonical(at)), SQL(kind.value)
            )
            for name, at in points.items()
        }
        unsettled: Composable = ALL_SETTLED
        if self.settled is not None:
            status = named(self.settled.column)
            is_open = SQL("coalesce({}::text <> ALL ({}::text[]), true)").format(
                status, Literal(list(self.settled.values))
            )
            unsettled = UNSETTLED.format(mark=mark, open=is_open, **casts)
        newest: Composable = SQL("NULL")
        if kind is WatermarkType.BIGINT:
            newest = SQL("max({})").format(mark)
        return OBSERVED.format(mark=mark, unsettled=unsettled, newest=newest, **casts)


def _stored(name: str) -> Composable:
    return SQL("t.{}").format(Identifier(name))
