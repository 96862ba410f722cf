"""The statements that bring rows into a table, composed and never run here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.watermark import Window, canonical
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.same_sql import SameSql
from qupersync.infrastructure.postgres.stage_sql import WHOLE, WITHIN, listed

MERGE = SQL("""
WITH ranked AS (
  SELECT {staged}, {arrival} AS arrival, {place} AS place FROM {rows} AS s),
judged AS MATERIALIZED (
  SELECT * FROM (
    SELECT r.*, CASE WHEN r.place > 1 THEN 'deduplicated'
                     WHEN t.{first_key} IS NULL THEN 'inserted'
                     {newer}{changed}ELSE 'unchanged' END AS verdict
      FROM ranked AS r LEFT JOIN {target} AS t ON r.place = 1 AND {same_key}
     WHERE {within} OFFSET 0) AS each_row
   WHERE {remembered}),
inserted AS (
  INSERT INTO {target} ({columns})
  SELECT {staged} FROM judged WHERE verdict = 'inserted' RETURNING 1){update}
SELECT {seen}, count(*) FILTER (WHERE verdict = 'inserted'),
       count(*) FILTER (WHERE verdict = 'updated'),
       count(*) FILTER (WHERE verdict = 'deduplicated'), (SELECT count(*) FROM inserted),
       {updated}, {late} FROM judged
""")
# To keep the unchanged rows too takes as long as all else.
ALL, CHANGES = SQL("true"), SQL("verdict <> 'unchanged'")
# A row that meets two of the target is there twice; if one of those is unchanged, the update tells.
STAGED = SQL("(SELECT count(*) FROM {} AS s) + count(*) - count(DISTINCT arrival)")
# For rows of which none is in the target: half the time of the merge.
APPEND = SQL("INSERT INTO {target} ({columns}) SELECT {staged} FROM {rows} AS s")
LATE_OF_NEW = SQL(
    "SELECT {late} FROM (SELECT {staged}, 'inserted' AS verdict FROM {rows} AS s) AS judged"
)
# Seconds behind the end of what was read before, of each row that was not there then.
LATE = SQL("""
       array_agg(extract(epoch FROM CAST({end} AS timestamp) - CAST({mark} AS timestamp))::float8)
         FILTER (WHERE verdict = 'inserted' AND {mark} >= {low} AND {mark} < {end})""")
CHANGED = SQL("WHEN {} THEN 'updated' ")
# A row without a watermark value is not known to be newer than one that has it.
NEWER = SQL("WHEN coalesce(t.{0} {2} r.{1}, t.{0} IS NOT NULL) THEN 'unchanged' ")
UPDATE = SQL(""",
updated AS (
  UPDATE {target} AS t SET {assignments} FROM judged AS r
   WHERE r.verdict = 'updated' AND {same_key} RETURNING 1)""")
PLACE = SQL("row_number() OVER (PARTITION BY {} ORDER BY {})")


@dataclass(frozen=True, kw_only=True)
class LoadSql(SameSql):
    """How the rows are merged.

    With ``keeps_newer`` a row of the target that has a later watermark value stays as it is, with
    ``keeps_same`` one that has the same value too.
    """

    keeps_newer: bool = False
    keeps_same: bool = False

    @kept
    def merge(
        self,
        late: Window | None = None,
        *,
        part: Mapping[str, int] = WHOLE,
        folds: bool = True,
        is_narrow: bool = False,
        is_unique: bool = False,
    ) -> Composed:
        """Classify the rows, or those that arrived in ``[low, high)``, write, count.

        With ``folds`` a key may be among them more than once; with ``is_narrow`` all lie in the
        span of ``NARROW``; with ``is_unique`` the target must hold no key twice. A row that folds
        away behind a later one does so wherever that one arrived. Of new rows inside ``late`` the
        last column tells how far each lies behind its end, in seconds.
        """
        plain = self._plain
        update: Composable = SQL("")
        changed: Composable = SQL("")
        same_key = self._matched(is_narrow=is_narrow)
        if plain:
            update = UPDATE.format(
                target=self._target, same_key=same_key, assignments=self._assignments(plain)
            )
            changed = CHANGED.format(self._differs(plain))
        return MERGE.format(
            staged=listed(map(self.stage.staged, self.columns)),
            place=self._place(folds=folds),
            rows=self.rows,
            arrival=self.stage.arrival,
            within=self._within(part),
            remembered=CHANGES if is_unique else ALL,
            seen=STAGED.format(self.rows) if is_unique else SQL("count(*)"),
            first_key=Identifier(self.key[0]),
            newer=self._newer,
            changed=changed,
            target=self._target,
            same_key=same_key,
            columns=listed(map(Identifier, self.columns)),
            update=update,
            updated=SQL("(SELECT count(*) FROM updated)" if plain else "0"),
            late=self._late(late),
        )

    @kept
    def append(self) -> Composed:
        """Write the rows, if no key is there already or more than once.

        A key that is breaks the unique index, and nothing is written.
        """
        return APPEND.format(
            target=self._target,
            columns=listed(map(Identifier, self.columns)),
            staged=listed(map(self.stage.staged, self.columns)),
            rows=self.rows,
        )

    @kept
    def late(self, late: Window) -> Composed:
        """Tell how late the rows are that ``append`` wrote, as the last column of ``merge``."""
        staged = listed(map(self.stage.staged, self.columns))
        return LATE_OF_NEW.format(late=self._late(late), staged=staged, rows=self.rows)

    def _within(self, part: Mapping[str, int]) -> Composable:
        if part is WHOLE:
            return SQL("true")
        low, high = Literal(part["low"]), Literal(part["high"])
        return WITHIN.format(arrival=SQL("r.arrival"), low=low, high=high)

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

    def _place(self, *, folds: bool) -> Composable:
        if not folds:
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
