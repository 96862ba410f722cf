"""The statements that load one table, composed and never run here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.table_name import TableName
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical
from qupersync.domain.watermark_spec import Settled
from qupersync.infrastructure.postgres.stage_sql import STAGE, StageSql, listed

MERGE = SQL("""
WITH ranked AS (
  SELECT {staged}, {arrival} AS arrival, {place} AS place FROM {rows} AS s),
judged AS MATERIALIZED (
  SELECT r.*, CASE WHEN r.place > 1 THEN 'deduplicated'
                   WHEN t.{first_key} IS NULL THEN 'inserted'
                   {newer}{changed}ELSE 'unchanged' END AS verdict
    FROM ranked AS r LEFT JOIN {target} AS t ON r.place = 1 AND {same_key}
   WHERE r.arrival >= {low} AND r.arrival < {high}),
inserted AS (
  INSERT INTO {target} ({columns})
  SELECT {staged} FROM judged WHERE verdict = 'inserted' RETURNING 1){update}
SELECT count(*), count(*) FILTER (WHERE verdict = 'inserted'),
       count(*) FILTER (WHERE verdict = 'updated'), count(*) FILTER (WHERE verdict = 'unchanged'),
       count(*) FILTER (WHERE verdict = 'deduplicated'), (SELECT count(*) FROM inserted),
       {updated}, {late} FROM judged
""")
# The same for rows of which none is in the target: three fifths of the time.
APPEND = SQL("""
WITH inserted AS (INSERT INTO {target} ({columns}) SELECT {staged} FROM {rows} AS s RETURNING 1)
SELECT count(*), count(*), 0, 0, 0, (SELECT count(*) FROM inserted), 0, {late}
  FROM (SELECT {staged}, 'inserted' AS verdict FROM {rows} AS s) AS judged
""")
IS_EMPTY = SQL("SELECT NOT EXISTS (SELECT FROM {})")
# Seconds behind the end of what was read before, of each row that was not there then.
LATE = SQL("""
       array_agg(extract(epoch FROM CAST({end} AS timestamp) - CAST({mark} AS timestamp))::float8)
         FILTER (WHERE verdict = 'inserted' AND {mark} >= {low} AND {mark} < {end})""")
DELETE_OLDER = SQL("""
DELETE FROM {table} AS t
 USING (SELECT tableoid, ctid FROM {table} WHERE {mark} < CAST({point} AS {kind})
         LIMIT {at_most}) AS old
 WHERE t.tableoid = old.tableoid AND t.ctid = old.ctid
""")
CHANGED = SQL("WHEN ({stored}) IS DISTINCT FROM ({staged}) THEN 'updated' ")
# A row without a watermark value is not known to be newer than one that has it.
NEWER = SQL("WHEN coalesce(t.{0} {2} r.{1}, t.{0} IS NOT NULL) THEN 'unchanged' ")
UPDATE = SQL(""",
updated AS (
  UPDATE {target} AS t SET {assignments} FROM judged AS r
   WHERE r.verdict = 'updated' AND {same_key} RETURNING 1)""")
OBSERVE = SQL("""
SELECT count(*) FILTER (WHERE {mark} IS NULL),
       count(*) FILTER (WHERE {mark} < {low} OR {mark} >= {high}),
       count(*) FILTER (WHERE {open} AND {mark} < {patience}
                          AND ({before} IS NULL OR {mark} >= {before})),
       min({mark}) FILTER (WHERE {open} AND {mark} >= {patience} AND {mark} < {high}),
       {newest}
  FROM {rows} AS s
""")
# In WHERE it becomes a hash anti join: 29 s as a FILTER over 50,000 rows, 0.02 s so.
MISSING = SQL("""
SELECT CASE WHEN total > {1} THEN (SELECT count(*) FROM {0} AS t WHERE {2}) ELSE 0 END, total
  FROM (SELECT count(*) AS total FROM {0}) AS whole
""")
UNMATCHED = SQL("NOT EXISTS (SELECT FROM {rows} AS r WHERE {same_key})")
PLACE = SQL("row_number() OVER (PARTITION BY {} ORDER BY {})")
REPEATS = SQL("SELECT EXISTS (SELECT FROM {} AS s GROUP BY {} HAVING count(*) > 1)")


@dataclass(frozen=True, kw_only=True)
class LoadSql:
    """What is loaded where; ``columns`` in staging order, ``collations`` of those that have one.

    ``rows`` is the relation of what was read; with ``folds`` a key may be in it more than once.
    """

    target: TableName
    columns: tuple[str, ...]
    collations: Mapping[str, Sequence[str]]
    key: tuple[str, ...]
    watermark: str | None
    kind: WatermarkType | None
    settled: Settled | None
    keeps_newer: bool = False
    keeps_same: bool = False
    rows: Composable = field(default_factory=lambda: STAGE)
    folds: bool = True

    @cached_property
    def stage(self) -> StageSql:
        """Return the statements of the staging table."""
        return StageSql(target=self.target, columns=self.columns)

    def merge(self, low: int, high: int, late: Window | None = None) -> Composed:
        """Classify the staged rows that arrived in ``[low, high)``, write, count.

        A row that folds away behind a later one does so wherever that one arrived. Of new rows
        inside ``late`` the last column tells how far each lies behind its end, in seconds.

        It takes no parameters, because psycopg would take a % in a name for one.
        """
        plain = [name for name in self.columns if name not in self.key]
        update: Composable = SQL("")
        changed: Composable = SQL("")
        if plain:
            update = UPDATE.format(
                target=self._target, same_key=self._same_key, assignments=self._assignments(plain)
            )
            changed = CHANGED.format(
                stored=listed(SQL("t.{}").format(Identifier(name)) for name in plain),
                staged=listed(SQL("r.{}").format(self._exact(name)) for name in plain),
            )
        return MERGE.format(
            staged=listed(map(self.stage.staged, self.columns)),
            place=self._place,
            rows=self.rows,
            arrival=self.stage.arrival,
            low=Literal(low),
            high=Literal(high),
            first_key=Identifier(self.key[0]),
            newer=self._newer,
            changed=changed,
            target=self._target,
            same_key=self._same_key,
            columns=listed(map(Identifier, self.columns)),
            update=update,
            updated=SQL("(SELECT count(*) FROM updated)" if plain else "0"),
            late=self._late(late),
        )

    def append(self, late: Window | None) -> Composed:
        """Write and count as ``merge`` does, if no key is there already or more than once.

        A key that is breaks the unique index, and nothing is written.
        """
        return APPEND.format(
            target=self._target,
            columns=listed(map(Identifier, self.columns)),
            staged=listed(map(self.stage.staged, self.columns)),
            rows=self.rows,
            late=self._late(late),
        )

    def is_empty(self) -> Composed:
        """Tell whether the target holds no row."""
        return IS_EMPTY.format(self._target)

    def observe(self, **points: Point | None) -> Composed:
        """Count and compare the staged watermarks; five columns as ``ports.Observed`` has them.

        ``points`` are ``low``, ``high``, ``patience`` and ``before``. Takes no parameters either.
        """
        column, kind = self._mark
        mark = self.stage.staged(column)
        texts = {name: None if at is None else canonical(at) for name, at in points.items()}
        casts = {
            name: SQL("CAST({} AS {})").format(Literal(text), SQL(kind.value))
            for name, text in texts.items()
        }
        is_open: Composable = SQL("false")
        if self.settled is not None:
            status = self.stage.staged(self.settled.column)
            is_open = SQL("coalesce({}::text <> ALL ({}::text[]), true)").format(
                status, Literal(list(self.settled.values))
            )
        newest: Composable = SQL("NULL")
        if kind is WatermarkType.BIGINT:
            newest = SQL("max({})").format(mark)
        return OBSERVE.format(mark=mark, open=is_open, newest=newest, rows=self.rows, **casts)

    def repeats(self) -> Composed:
        """Tell whether a key is there more than once."""
        return REPEATS.format(self.rows, self._staged_key)

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

        So many different keys were staged: if there are no more rows, none is missing.
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
    def _newer(self) -> Composable:
        if not self.keeps_newer:
            return SQL("")
        mark, _ = self._mark
        newer = SQL(">=" if self.keeps_same else ">")
        return NEWER.format(Identifier(mark), self.stage.staged(mark), newer)

    def _late(self, late: Window | None) -> Composable:
        if late is None:
            return SQL("NULL")
        mark, kind = self._mark
        low, end = (
            SQL("CAST({} AS {})").format(Literal(canonical(point)), SQL(kind.value))
            for point in (late.low, late.high or late.low)
        )
        return LATE.format(mark=self.stage.staged(mark), low=low, end=end)

    @property
    def _mark(self) -> tuple[str, WatermarkType]:
        if self.watermark is None or self.kind is None:
            raise AssertionError("only an incremental job has a watermark to look at")
        return self.watermark, self.kind

    @property
    def _target(self) -> Identifier:
        return Identifier(self.target.schema, self.target.table)

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

    @property
    def _place(self) -> Composable:
        if not self.folds:
            return SQL("1")
        newest_first = SQL("{} DESC").format(self.stage.arrival)
        if self.watermark is not None:
            mark = self.stage.staged(self.watermark)
            newest_first = SQL("{} DESC NULLS LAST, {}").format(mark, newest_first)
        return PLACE.format(self._staged_key, newest_first)

    def _assignments(self, names: Sequence[str]) -> Composed:
        return listed(
            SQL("{} = r.{}").format(Identifier(name), self.stage.staged(name)) for name in names
        )

    def _exact(self, name: str) -> Composable:
        # A collation may call different texts equal; the copy must be the same to the byte.
        staged = self.stage.staged(name)
        return SQL('{} COLLATE "C"').format(staged) if name in self.collations else staged
