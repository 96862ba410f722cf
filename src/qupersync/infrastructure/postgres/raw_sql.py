"""The column rules of ``domain.column_rules`` as SQL, over rows that are staged as they came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import LiteralString

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.column_rules import WHOLE, default_of
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec, ColumnType
from qupersync.infrastructure.postgres.stage_sql import ARRIVAL, STAGE, listed

RAW = SQL("pg_temp.qupersync_raw")
CREATE = SQL("CREATE TEMP TABLE qupersync_raw ({}) ON COMMIT DROP")
COPY = SQL("COPY {} FROM STDIN (FORMAT binary)").format(RAW)
EMPTY = SQL("TRUNCATE {}").format(RAW)
MOVE = SQL("INSERT INTO {} SELECT {}, {} + {} FROM {} WHERE {}")
# As Redshift writes numbers; PostgreSQL reads others too.
INTEGER, NUMBER = "-?[0-9]+", "-?[0-9]*[.]?[0-9]*"
WRITERS: Mapping[str, Sequence[LiteralString]] = {
    "date": ("date",), "time": ("time",), "timestamp": ("timestamp",),
    "timestamptz": ("timestamp", "timestamptz"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RawSql:
    """Statements for a query's columns; ``encodings`` are those of a batch that passes raw.

    Each rule lets through no more than the row check does: rows that it holds back are left to
    that, which knows the reason.
    """

    names: tuple[str, ...]
    encodings: tuple[str, ...]
    specs: Mapping[str, ColumnSpec]
    key: tuple[str, ...]

    def create(self) -> Composed:
        """Make the table for the bytes: the order of arrival, then a column for each that came."""
        kinds = ("text" if encoding == "numeric" else encoding for encoding in self.encodings)
        columns = [SQL("{} integer").format(ARRIVAL)]
        columns += [SQL("{} {}").format(_raw(at), SQL(kind)) for at, kind in enumerate(kinds)]
        return CREATE.format(listed(columns))

    def move(self, first: int) -> Composed:
        """Stage the rows that keep all rules, the first one at place ``first``."""
        columns = [Column(self, name) for name in self.specs]
        rules = [rule for column in columns for rule in column.rules()]
        values = listed(column.value for column in columns)
        kept = SQL(" AND ").join(rules or [SQL("true")])
        return MOVE.format(STAGE, values, ARRIVAL, Literal(first), RAW, kept)


@dataclass(frozen=True)
class Column:
    """The way of one target column's values: cut, made NULL, cast, defaulted, judged."""

    sql: RawSql
    name: str

    @cached_property
    def spec(self) -> ColumnSpec:
        """Return the column's rules."""
        return self.sql.specs[self.name]

    @cached_property
    def encoding(self) -> str:
        """Return what the bytes of its source are."""
        return self.sql.encodings[self._at]

    @property
    def _at(self) -> int:
        return self.sql.names.index(self.spec.source or self.name)

    @cached_property
    def given(self) -> Composable:
        """Return the source value, trimmed, NULL where that is meant."""
        value: Composable = _raw(self._at)
        if self.encoding == "text" and self.spec.trim:
            value = SQL("rtrim({}, ' ')").format(value)
        if self.encoding == "oid":
            value = SQL("{}::bigint").format(value)
        if self.spec.null_if:
            meaning_null = SQL("CASE WHEN {0}::text = ANY ({1}::text[]) THEN NULL ELSE {0} END")
            value = meaning_null.format(value, Literal(list(self.spec.null_if)))
        return value

    @cached_property
    def value(self) -> Composable:
        """Return the target value; its length or scale is the staging column's to give."""
        # A cast to varchar(n) or numeric(p, s) would cut or round in silence.
        kind = SQL("text" if self.spec.type.name == "varchar" else self.spec.type.name)
        value = self._number if self.encoding == "numeric" else self.given
        value = SQL("CAST({} AS {})").format(value, kind)
        default = default_of(self.spec)
        if default is not None:
            fallback = SQL("coalesce({}, CAST({} AS {}))")
            value = fallback.format(value, Literal(default), kind)
        return value

    def rules(self) -> Iterator[Composable]:
        """Yield the conditions under which the row check would let the row pass."""
        kind = self.spec.type
        if self.spec.required or self.name in self.sql.key:
            yield SQL("{} IS NOT NULL").format(self.value)
        if kind.name == "varchar":
            yield self._holds("char_length({}) <= {}", self.value, Literal(kind.arguments[-1]))
        if self.encoding in {"numeric", "text"}:
            yield from self._rules_of_text()

    def _rules_of_text(self) -> Iterator[Composable]:
        kind = self.spec.type
        if kind.name in WHOLE:
            yield self._spelled(WRITERS[kind.name], WHOLE[kind.name])
        elif self.encoding == "numeric" or kind.name == "numeric":
            # A numeric may be NaN, of which PostgreSQL makes no integer.
            writers = () if kind.name in INTEGER_BITS else ("numeric",)
            yield self._spelled(writers, NUMBER)
            yield from map(self._whole_within, _scale(kind))
        elif kind.name in INTEGER_BITS:
            yield self._spelled(("bigint",), INTEGER)

    def _spelled(self, writers: Sequence[LiteralString], pattern: str) -> Composable:
        # Any of these types would write the text so. That is ten times as fast to find out as
        # whether it matches, and says as much: what they write is in the pattern.
        same = [SQL("{0} = {0}::{1}::text").format(self.given, SQL(kind)) for kind in writers]
        matches = SQL("{} ~ {}").format(self.given, Literal(f"^(?:{pattern})$"))
        return self._holds("{}", SQL(" OR ").join([*same, matches]))

    def _whole_within(self, scale: int) -> Composable:
        too_long = Literal(f"%.{'_' * (scale + 1)}%")
        rule: LiteralString = "{} NOT LIKE {} OR {} = round({}, {})"
        return self._holds(rule, self.given, too_long, self._number, self._number, Literal(scale))

    @property
    def _number(self) -> Composable:
        return SQL("CAST({} AS numeric)").format(self.given)

    def _holds(self, rule: LiteralString, *parts: Composable) -> Composable:
        return SQL("coalesce({}, true)").format(SQL(rule).format(*parts))


def _scale(kind: ColumnType) -> Sequence[int]:
    if kind.name in INTEGER_BITS:
        return [0]
    return kind.arguments[1:] if kind.name == "numeric" else []


def _raw(at: int) -> Identifier:
    return Identifier(f"r{at}")
