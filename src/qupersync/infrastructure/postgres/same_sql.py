"""The statements that find out which rows the target has as they are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.ports import Look
from qupersync.infrastructure.postgres.asked_sql import AskedSql
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.narrow_sql import ALONE, NARROW, SPAN, STANDS_ALONE
from qupersync.infrastructure.postgres.stage_sql import listed

# For rows that are all in the target as they are: two thirds of the time of a merge.
SAME = SQL("EXISTS (SELECT FROM {} AS t WHERE {} AND {})")
COUNT_SAME = SQL("SELECT count(*) FROM {} AS r WHERE {}")
OTHERS = SQL("SELECT count(*), array_agg(r.arrival)::text FROM {} AS r WHERE NOT {}")
# With no look at the rules before it: together they take as long as that and COPY.
ALIKE = SQL("SELECT count(*), ({}) = {} AND ({}), {} FROM {} AS t WHERE {}")
DIFFERS = SQL("({stored}) IS DISTINCT FROM ({staged})")


@dataclass(frozen=True, kw_only=True)
class SameSql(AskedSql):
    """How rows are compared with those of the target."""

    @kept
    def same(self, *, is_narrow: bool = False) -> Composed:
        """Count the rows that are in the target as they are; none may be there twice."""
        return COUNT_SAME.format(self.rows, self._is_same(is_narrow=is_narrow))

    @kept
    def others(self) -> Composed:
        """Count the rows, all in the span of ``NARROW``, that are not, and tell their places."""
        return OTHERS.format(self.rows, self._is_same(is_narrow=True))

    def narrow(self, span: Sequence[int]) -> Composed:
        """Prepare for statements with ``is_narrow``; gives a row if the target allows them."""
        first, last = (Literal(str(key)) for key in span)
        return NARROW.format(first, last, self._alone)

    def alike(self, matched: SQL, look: Look | None, indexes: Collection[str]) -> Composed:
        """Count the target's rows in the span of ``NARROW`` that are ``matched``, and ask of them.

        The second column tells whether it is the table that the job fits, with a key that is
        unique. Then, if they are as many as came, each has met another, and no key came twice. The
        other columns are those of ``asked``.
        """
        return ALIKE.format(
            self._identity,
            Literal(self.identity),
            self.is_unique(indexes),
            self.asked_of_target(look),
            self._target,
            SPAN.format(matched, Identifier(self.key[0])),
        )

    @kept
    def stands_alone(self) -> Composed:
        """Tell whether nothing but its own indexes acts on the target's rows."""
        return STANDS_ALONE.format(self._alone)

    @property
    def _alone(self) -> Composed:
        return ALONE.format(Literal(self._target.as_string()))

    def _is_same(self, *, is_narrow: bool) -> Composed:
        plain = self._plain
        same = SQL("NOT {}").format(self._differs(plain)) if plain else SQL("true")
        return SAME.format(self._target, self._matched(is_narrow=is_narrow), same)

    def _matched(self, *, is_narrow: bool) -> Composed:
        same_key = self._same_key
        return SPAN.format(same_key, Identifier(self.key[0])) if is_narrow else same_key

    @property
    def _plain(self) -> Sequence[str]:
        return [name for name in self.columns if name not in self.key]

    def _differs(self, plain: Sequence[str]) -> Composed:
        return DIFFERS.format(
            stored=listed(SQL("t.{}").format(Identifier(name)) for name in plain),
            staged=listed(SQL("r.{}").format(self._exact(name)) for name in plain),
        )

    def _exact(self, name: str) -> Composable:
        # A collation may call different texts equal; the copy must be the same to the byte.
        staged = self.stage.staged(name)
        return SQL('{} COLLATE "C"').format(staged) if name in self.collations else staged
