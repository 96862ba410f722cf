"""The statements about rows that were read beside the table they go to, but for the merge."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.table_name import TableName
from qupersync.domain.watermark import Point, WatermarkType, canonical
from qupersync.domain.watermark_spec import Settled
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.stage_sql import STAGE, StageSql, listed

IS_EMPTY = SQL("SELECT NOT EXISTS (SELECT FROM {})")
DELETE_OLDER = SQL("""
DELETE FROM {table} AS t
 USING (SELECT tableoid, ctid FROM {table} WHERE {mark} < CAST({point} AS {kind})
         LIMIT {at_most}) AS old
 WHERE t.tableoid = old.tableoid AND t.ctid = old.ctid
""")
# In WHERE it becomes a hash anti join: 29 s as a FILTER over 50,000 rows, 0.02 s so.
MISSING = SQL("""
SELECT CASE WHEN total > {1} THEN (SELECT count(*) FROM {0} AS t WHERE {2}) ELSE 0 END, total
  FROM (SELECT count(*) AS total FROM {0}) AS whole
""")
# Who exchanges a table or a column, or changes its type, even for a while, writes a row of these.
IDENTITY = SQL("""
SELECT concat_ws(' ', c.oid, c.xmin, n.xmin,
                 (SELECT sum(hashtextextended(concat(a.attnum, ' ', a.xmin), 0))
                    FROM pg_attribute AS a WHERE a.attrelid = c.oid))
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = CAST({} AS regclass)
""")
# What a transaction writes that began since, or was still at work then, has no number before the
# oldest of these. Rows with such a number that were there already must be the same ones.
STANDING = SQL("""
SELECT count(*), CAST({since} AS text), sum(hashtextextended(concat(t.ctid, t.xmin), 0))
                                          FILTER (WHERE age(t.xmin) <= (SELECT age({since}))),
       ({identity})
  FROM {target} AS t
""")
OLDEST_AT_WORK = SQL("pg_snapshot_xmin(pg_current_snapshot())::xid")
UNMATCHED = SQL("NOT EXISTS (SELECT FROM {rows} AS r WHERE {same_key})")
IS_UNIQUE = SQL("""
SELECT EXISTS (
  SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_class AS t ON t.oid = i.indrelid
   WHERE t.oid = CAST({} AS regclass) AND i.indisunique AND i.indisvalid
     AND c.relname = ANY ({}::text[])
     AND (t.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = t.oid)))
""")


@dataclass(frozen=True, kw_only=True)
class RowsSql:
    """What is loaded where; ``columns`` in staging order, ``collations`` of those that have one.

    ``identity`` is what ``IDENTITY`` said of the target when its columns were looked up, ``rows``
    the relation of what was read. No statement takes parameters, because psycopg would take a % in
    a name for one.
    """

    target: TableName
    columns: tuple[str, ...]
    collations: Mapping[str, Sequence[str]]
    key: tuple[str, ...]
    watermark: str | None
    kind: WatermarkType | None
    settled: Settled | None
    identity: str = ""
    rows: Composable = field(default_factory=lambda: STAGE)

    def over(self, rows: Composable) -> Self:
        """Return the statements about other rows; the same object while they are the same."""
        known: Self | None = self.__dict__.get("_over")
        if known is None or known.rows is not rows:
            known = self.__dict__["_over"] = replace(self, rows=rows)
        return known

    @cached_property
    def stage(self) -> StageSql:
        """Return the statements of the staging table."""
        return StageSql(target=self.target, columns=self.columns)

    @kept
    def is_empty(self) -> Composed:
        """Tell whether the target holds no row."""
        return IS_EMPTY.format(self._target)

    def standing(self, since: str | None = None) -> Composed:
        """Return four values that are the same later on if nobody has written into the target.

        The first is the number of rows, the second a transaction, ``since`` which is looked.
        """
        at = SQL("CAST({} AS xid)").format(Literal(since)) if since else OLDEST_AT_WORK
        return STANDING.format(target=self._target, since=at, identity=self._identity)

    @kept
    def is_unique(self, indexes: Collection[str]) -> Composed:
        """Tell whether the target still has one of its key's indexes, and it holds for all rows.

        It does not for those of a table that inherits from the target.
        """
        target = Literal(self._target.as_string())
        return IS_UNIQUE.format(target, Literal(list(indexes)))

    def seen(self) -> Composed:
        """Count the staged rows, and the different owners among them."""
        owner = listed(map(self.stage.staged, self._owner))
        return SQL("SELECT count(*), count(DISTINCT ({})) FROM {} AS s").format(owner, self.rows)

    def owners_gone(self) -> Composed:
        """Count the different owners of the target's rows that have no staged row."""
        owner = listed(SQL("t.{}").format(Identifier(name)) for name in self._owner)
        unmatched = UNMATCHED.format(rows=self.rows, same_key=self._same(self._owner))
        counted = SQL("SELECT count(DISTINCT ({})) FROM {} AS t WHERE {}")
        return counted.format(owner, self._target, unmatched)

    def missing(self, upserted: int) -> Composed:
        """Count the target's rows without a staged key, and all of them.

        So many different keys were staged and are in the target: if there are no more rows, none
        is missing.
        """
        return MISSING.format(self._target, Literal(upserted), self._unmatched)

    def delete_missing(self) -> Composed:
        """Delete the target's rows without a staged key."""
        return SQL("DELETE FROM {} AS t WHERE {}").format(self._target, self._unmatched)

    def delete_older(self, point: Point, at_most: int) -> Composed:
        """Delete some of the rows behind a point; a partition's ctid is unique only within it."""
        mark, kind = self._mark
        return DELETE_OLDER.format(
            table=self._target,
            mark=Identifier(mark),
            point=Literal(canonical(point)),
            kind=SQL(kind.value),
            at_most=Literal(at_most),
        )

    @property
    def _mark(self) -> tuple[str, WatermarkType]:
        if self.watermark is None or self.kind is None:
            raise AssertionError("only an incremental job has a watermark to look at")
        return self.watermark, self.kind

    @property
    def _target(self) -> Identifier:
        return Identifier(self.target.schema, self.target.table)

    @property
    def _identity(self) -> Composed:
        return IDENTITY.format(Literal(self._target.as_string()))

    @property
    def _owner(self) -> tuple[str, ...]:
        return self.key[:-1] or self.key

    @property
    def _same_key(self) -> Composed:
        return self._same(self.key)

    def _same(self, names: Iterable[str]) -> Composed:
        pairs = (
            SQL("t.{} = r.{}").format(Identifier(name), self.stage.staged(name)) for name in names
        )
        return SQL(" AND ").join(pairs)

    @property
    def _unmatched(self) -> Composed:
        return UNMATCHED.format(rows=self.rows, same_key=self._same_key)

    @property
    def _staged_key(self) -> Composed:
        return listed(map(self.stage.staged, self.key))
