"""The column rules of ``domain.column_rules`` as SQL, over rows that are staged as they came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.column_rules import WHOLE, default_of
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.kept_sql import kept
from qupersync.infrastructure.postgres.stage_sql import ARRIVAL, STAGE, listed, staged_name

RAW = SQL("pg_temp.qupersync_raw")
CREATE = SQL("CREATE TEMP TABLE qupersync_raw ({}) ON COMMIT DROP")
COPY = SQL("COPY {} FROM STDIN (FORMAT binary)").format(RAW)
# Each value once, however often a rule or the merge looks at it: OFFSET keeps the query whole.
# COPY only appends to a table that was made in the same transaction, so ctid is the order of
# arrival, and what is behind the last row of the batch before is this batch.
ROWS = SQL("(SELECT {}, ctid AS {} FROM {} OFFSET 0)")
HELD = SQL("""
SELECT count(*) FILTER (WHERE {}), max(s.ctid)::text, {}, {}
  FROM (SELECT {}, ctid FROM {} WHERE ctid > CAST({} AS tid) OFFSET 0) AS s
""")
ENDS = SQL("min({0}), max({0})")
NOWHERE = "(0,0)"
SPILL = SQL("INSERT INTO {} SELECT {}, {} - 1 + row_number() OVER (ORDER BY {}) FROM {} AS s")
PART = SQL("{} WHERE ctid > CAST({} AS tid)")
RECORDS = SQL("""
SELECT {} - 1 + row_number() OVER (ORDER BY ctid), record_send(ROW({})), true
  FROM {} AND ctid <= CAST({} AS tid)
""")
# As Redshift writes numbers; PostgreSQL reads others too.
INTEGER, NUMBER = "-?[0-9]+", "-?[0-9]*[.]?[0-9]*"


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
    def columns(self) -> Sequence["Column"]:
        """Return the target's columns."""
        return [Column(self, at, name) for at, name in enumerate(self.specs)]

    @kept
    def create(self) -> Composed:
        """Make the table for the bytes, with a column for each that came."""
        kinds = ("text" if encoding == "numeric" else encoding for encoding in self.encodings)
        return CREATE.format(
            listed(SQL("{} {}").format(_raw(at), SQL(kind)) for at, kind in enumerate(kinds))
        )

    @kept
    def held(self, after: str) -> Composed:
        """Count the rows behind that place that keep all rules, and return the last one's place.

        And, where the key is one integer, the least and the greatest.
        """
        rules = [rule for column in self.columns for rule in column.rules()]
        rules_kept = SQL(" AND ").join(rules or [SQL("true")])
        parts = [part for column in self.columns for part in column.parts]
        casts = [
            SQL("count({})").format(column.value) for column in self.columns if column.may_fail
        ]
        return HELD.format(
            rules_kept, self._ends, listed(casts or [SQL("0")]), listed(parts), RAW, Literal(after)
        )

    @property
    def _ends(self) -> Composable:
        [name, *more] = self.key
        if more or self.specs[name].type.name not in INTEGER_BITS:
            return SQL("NULL, NULL")
        return ENDS.format(*(column.value for column in self.columns if column.name == name))

    @kept
    def rows(self) -> Composed:
        """Return the rows as target values, as a relation with the columns of staging."""
        return self._rows(RAW)

    def _rows(self, source: Composable) -> Composed:
        values = [SQL("{} AS {}").format(c.target_value, staged_name(c.at)) for c in self.columns]
        return ROWS.format(listed(values), ARRIVAL, source)

    def spill(self, first: int, after: str) -> Composed:
        """Bring the rows behind ``after`` into the staging table, the first at place ``first``."""
        values = listed(staged_name(column.at) for column in self.columns)
        rows = self._rows(PART.format(RAW, Literal(after)))
        return SPILL.format(STAGE, values, Literal(first), ARRIVAL, rows)

    def records(self, first: int, after: str, until: str) -> Composed:
        """Read a part of the rows as they came, for ``Payloads``; the first's place is given."""
        fields = listed(map(_raw, range(len(self.names))))
        part = PART.format(RAW, Literal(after))
        return RECORDS.format(Literal(first), fields, part, Literal(until))


@dataclass(frozen=True)
class Column:
    """The way of one target column's values: cut, made NULL, cast, defaulted, judged.

    The rules look at ``given``, the source value, and at ``value``, the target's before its length
    or scale is enforced: a cast to varchar(n) or numeric(p, s) cuts or rounds in silence.
    """

    sql: RawSql
    at: int
    name: str

    @cached_property
    def spec(self) -> ColumnSpec:
        """Return the column's rules."""
        return self.sql.specs[self.name]

    @cached_property
    def encoding(self) -> str:
        """Return what the bytes of its source are."""
        return self.sql.encodings[self._source]

    @property
    def _source(self) -> int:
        return self.sql.names.index(self.spec.source or self.name)

    @property
    def given(self) -> Identifier:
        """Return the name of what came, for the rules."""
        return Identifier(f"g{self.at}")

    @property
    def value(self) -> Identifier:
        """Return the name of what was made of it, for the rules."""
        return Identifier(f"v{self.at}")

    @property
    def parts(self) -> Sequence[Composed]:
        """Return what the rules look at, under these names."""
        values = ((self._given, self.given), (self._value, self.value))
        return [SQL("{} AS {}").format(*value) for value in values]

    @property
    def may_fail(self) -> bool:
        """Tell whether PostgreSQL may refuse to make the value, which only trying shows."""
        return self.spec.type.name not in {self.encoding, "text", "varchar"}

    @cached_property
    def _given(self) -> Composable:
        """Return the source value, trimmed, NULL where that is meant."""
        value: Composable = _raw(self._source)
        if self.encoding == "text" and self.spec.trim:
            value = SQL("rtrim({}, ' ')").format(value)
        if self.encoding == "oid":
            value = SQL("{}::bigint").format(value)
        if self.spec.null_if:
            meaning_null = SQL("CASE WHEN {0}::text = ANY ({1}::text[]) THEN NULL ELSE {0} END")
            value = meaning_null.format(value, Literal(list(self.spec.null_if)))
        return value

    @cached_property
    def _value(self) -> Composable:
        kind = SQL("text" if self.spec.type.name == "varchar" else self.spec.type.name)
        value = self._given
        if self.encoding == "numeric":
            value = SQL("CAST({} AS numeric)").format(value)
        value = SQL("CAST({} AS {})").format(value, kind)
        default = default_of(self.spec)
        if default is not None:
            fallback = SQL("coalesce({}, CAST({} AS {}))")
            value = fallback.format(value, Literal(default), kind)
        return value

    @cached_property
    def target_value(self) -> Composable:
        """Return the value as the target has it."""
        value: Composable = self._value
        if self.spec.type.arguments:
            value = SQL("CAST({} AS {})").format(value, SQL(str(self.spec.type)))
        collation = self.sql.collations.get(self.name)
        return SQL("{} COLLATE {}").format(value, Identifier(*collation)) if collation else value

    def rules(self) -> Iterator[Composable]:
        """Yield the conditions under which the row check would let the row pass."""
        kind = self.spec.type
        if self.spec.required or self.name in self.sql.key:
            yield SQL("{} IS NOT NULL").format(self.value)
        if kind.name == "varchar":
            yield self._holds(SQL("char_length({0}) <= {1}"), Literal(kind.arguments[-1]))
        elif kind.arguments:
            yield self._holds(SQL("{0} = CAST({0} AS {1})"), SQL(str(kind)))
        if pattern := self._pattern:
            # That PostgreSQL would write it so is ten times as fast to find out as whether it
            # matches, and says as much: the row check takes what it writes.
            same = SQL("{2} IS NULL OR {0}::text = {2} OR {2} ~ {1}")
            yield self._holds(same, Literal(f"^(?:{pattern})$"), self.given)
        if self.encoding == "numeric" and kind.name in INTEGER_BITS:
            yield self._holds(SQL("{0} = CAST({1} AS numeric)"), self.given)

    @property
    def _pattern(self) -> str:
        kind = self.spec.type.name
        if self.encoding not in {"numeric", "text"}:
            return ""
        if kind in WHOLE:
            return WHOLE[kind]
        if self.encoding == "numeric" or kind == "numeric":
            return NUMBER
        return INTEGER if kind in INTEGER_BITS else ""

    def _holds(self, rule: SQL, *parts: Composable) -> Composable:
        return SQL("coalesce({}, true)").format(rule.format(self.value, *parts))


def _raw(at: int) -> Identifier:
    return Identifier(f"r{at}")
