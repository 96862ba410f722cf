"""The statements about rows that are staged as they came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.columns import INTEGER_BITS, ColumnSpec
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.raw_columns import Column, raw_name
from qupersync.infrastructure.postgres.stage_sql import ARRIVAL, STAGE, listed, staged_name

RAW = SQL("pg_temp.qupersync_raw")
CREATE = SQL("CREATE TEMP TABLE qupersync_raw ({}) ON COMMIT DROP")
COPY = SQL("COPY {} FROM STDIN (FORMAT binary)").format(RAW)
# Each value once, however often a rule or the merge looks at it: OFFSET keeps the query whole.
# COPY only appends to a table that was made in the same transaction, so ctid is the order of
# arrival, and what is behind the last row of the batch before is this batch.
ROWS = SQL("(SELECT {}, ctid AS {} FROM {} OFFSET 0)")
HELD = SQL("""
SELECT count(*) FILTER (WHERE {}), {}, max(s.ctid)::text, {}, {}
  FROM (SELECT {}, ctid FROM {} WHERE ctid > CAST({} AS tid) OFFSET 0) AS s
""")
ENDS = SQL("min({0}), max({0})")
# Where the rules are not asked, the key and the place take a fifth of the time.
REACH = SQL("SELECT max(s.ctid)::text, {} FROM (SELECT {}, ctid FROM {}) AS s")
MATCHED = SQL("EXISTS (SELECT FROM (SELECT {} FROM {}) AS r WHERE {})")
NOWHERE = "(0,0)"
SPILL = SQL("INSERT INTO {} SELECT {}, {} - 1 + row_number() OVER (ORDER BY {}) FROM {} AS s")
PART = SQL("{} WHERE ctid > CAST({} AS tid)")
SET_PART = SQL(
    "SELECT set_config('qupersync.after', {}, true), set_config('qupersync.until', {}, true)"
)
SOME = SQL("""{} WHERE ctid > CAST(current_setting('qupersync.after') AS tid)
  AND ctid <= CAST(current_setting('qupersync.until') AS tid)""")
CHOSEN = SQL("{} WHERE ctid = ANY (ARRAY(SELECT arrival FROM {}))")
RECORDS = SQL("""
SELECT {} - 1 + row_number() OVER (ORDER BY ctid), record_send(ROW({})), true
  FROM {} AND ctid <= CAST({} AS tid)
""")


@dataclass(frozen=True, kw_only=True)
class RawSql:
    """Statements for a query's columns; ``encodings`` are those of a batch that passes raw.

    Each rule lets through no more than the row check does: rows that it holds back are left to
    that, which knows the reason. ``collations`` are those of the target's texts.
    """

    names: tuple[str, ...]
    encodings: tuple[str, ...]
    specs: Mapping[str, ColumnSpec]
    key: tuple[str, ...]
    collations: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, block: Block, collations: Mapping[str, Sequence[str]]) -> "RawSql":
        """Return the statements for rows like these."""
        return cls(
            names=block.batch.names,
            encodings=block.batch.encodings,
            specs=block.specs,
            key=block.key,
            collations=collations,
        )

    @cached_property
    def columns(self) -> Sequence[Column]:
        """Return the target's columns."""
        return [self._column(at, name, spec) for at, (name, spec) in enumerate(self.specs.items())]

    def _column(self, at: int, name: str, spec: ColumnSpec) -> Column:
        source = self.names.index(spec.source or name)
        return Column(
            name=name,
            at=at,
            spec=spec,
            source=source,
            encoding=self.encodings[source],
            is_key=name in self.key,
            collation=self.collations.get(name, ()),
        )

    @kept
    def create(self) -> Composed:
        """Make the table for the bytes, with a column for each that came."""
        kinds = ("text" if encoding == "numeric" else encoding for encoding in self.encodings)
        return CREATE.format(
            listed(SQL("{} {}").format(raw_name(at), SQL(kind)) for at, kind in enumerate(kinds))
        )

    @kept
    def held(self, after: str, asked: Composable, of: tuple[str, ...]) -> Composed:
        """Count the rows behind that place that keep all rules, and return the last one's place.

        And, where the key is one integer, the least and the greatest; and what is ``asked`` of
        the target's values, in the columns named in ``of``.
        """
        rules = [rule for column in self.columns for rule in column.rules()]
        casts = [column for column in self.columns if column.may_fail]
        return HELD.format(
            SQL(" AND ").join(rules),
            SQL(" + ").join([Literal(0), *(SQL("count({})").format(c.value) for c in casts)]),
            self._ends,
            asked,
            listed(self._parts(of)),
            RAW,
            Literal(after),
        )

    def _parts(self, asked: tuple[str, ...]) -> Iterator[Composed]:
        """Yield what is looked at; of 60 columns the others took half the statement's time."""
        for column in self.columns:
            if column.may_fail or any(column.rules()):
                yield from column.parts
            if column.name in asked:
                yield self._staged(column)

    @property
    def _ends(self) -> Composable:
        return ENDS.format(self._counter.value) if self._counter else SQL("NULL, NULL")

    @property
    def _counter(self) -> Column | None:
        """Return the key, if it is one integer."""
        [name, *more] = self.key
        if more or self.specs[name].type.name not in INTEGER_BITS:
            return None
        return next(column for column in self.columns if column.name == name)

    @property
    def is_counted(self) -> bool:
        """Tell whether the key is one integer, which can be read without a look at the rules."""
        return self._counter is not None and not self._counter.may_fail

    def reach(self, after: str, *, with_ends: bool) -> Composed:
        """Return the last place behind ``after``, the least key and the greatest; no rule is asked.

        Without the ends, or if it ``is_counted``.
        """
        part = RAW if after == NOWHERE else PART.format(RAW, Literal(after))
        if self._counter is None or not with_ends:
            return REACH.format(SQL("NULL, NULL"), SQL("NULL"), part)
        return REACH.format(self._ends, listed(self._counter.parts), part)

    @kept
    def matched(self, *, in_part: bool, told: str | None) -> Composed:
        """Tell whether a row ``t`` of the target came as it is, in a row that keeps all rules.

        In the column ``told`` also to the letter. Looked for are all rows, or those of
        ``set_part``. No OFFSET here: each value is used once, and most are what came.
        """
        parts = [part for column in self.columns for part in column.parts]
        matches = [
            column.matches(
                SQL("t.{}").format(Identifier(column.name)), to_the_letter=column.name == told
            )
            for column in self.columns
        ]
        source = SOME.format(RAW) if in_part else RAW
        return MATCHED.format(listed(parts), source, SQL(" AND ").join(matches))

    @kept
    def rows(self) -> Composed:
        """Return the rows as target values, as a relation with the columns of staging."""
        return self._rows(RAW)

    def set_part(self, after: str, until: str) -> Composed:
        """Say which rows are a part."""
        return SET_PART.format(Literal(after), Literal(until))

    @kept
    def some_rows(self) -> Composed:
        """Return those of ``set_part`` as ``rows`` does all."""
        return self._rows(SOME.format(RAW))

    @kept
    def chosen_rows(self, chosen: SQL) -> Composed:
        """Return those whose ``arrival`` the relation holds."""
        return self._rows(CHOSEN.format(RAW, chosen))

    def _rows(self, source: Composable) -> Composed:
        return ROWS.format(listed(map(self._staged, self.columns)), ARRIVAL, source)

    def _staged(self, column: Column) -> Composed:
        return SQL("{} AS {}").format(column.target_value, staged_name(column.at))

    def spill(self, first: int, after: str) -> Composed:
        """Bring the rows behind ``after`` into the staging table, the first at place ``first``."""
        values = listed(staged_name(column.at) for column in self.columns)
        rows = self._rows(PART.format(RAW, Literal(after)))
        return SPILL.format(STAGE, values, Literal(first), ARRIVAL, rows)

    def records(self, first: int, after: str, until: str) -> Composed:
        """Read a part of the rows as they came, for ``Payloads``; the first's place is given."""
        fields = listed(map(raw_name, range(len(self.names))))
        part = PART.format(RAW, Literal(after))
        return RECORDS.format(Literal(first), fields, part, Literal(until))
