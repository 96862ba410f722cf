"""What becomes of a source value as SQL: the rules of ``domain.column_rules``, column by column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.column_rules import WHOLE, default_of
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec

# As Redshift writes numbers; PostgreSQL reads others too.
INTEGER, NUMBER = "-?[0-9]+", "-?[0-9]*[.]?[0-9]*"


@dataclass(frozen=True, kw_only=True)
class Column:
    """The way of one target column's values: cut, made NULL, cast, defaulted, judged.

    The rules look at ``given``, the source value, and at ``value``, the target's before its length
    or scale is enforced: a cast to varchar(n) or numeric(p, s) cuts or rounds in silence.
    """

    name: str
    at: int
    spec: ColumnSpec
    source: int
    encoding: str
    is_key: bool
    collation: Sequence[str]

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
        """Return what the rules look at, under these names; a row has no room for what they do not.

        PostgreSQL has it for 1,664 values, and a table for 1,600 columns.
        """
        values = [(self._value, self.value)]
        if self._pattern or self.encoding == "numeric":
            values.append((self._given, self.given))
        return [SQL("{} AS {}").format(*value) for value in values]

    @property
    def may_fail(self) -> bool:
        """Tell whether PostgreSQL may refuse to make the value, which only trying shows.

        It refuses a default that it cannot read even where no row needs it.
        """
        is_cast = self.spec.type.name not in {self.encoding, "text", "varchar"}
        return is_cast or self.spec.default is not None

    @cached_property
    def _given(self) -> Composable:
        """Return the source value, trimmed, NULL where that is meant."""
        value: Composable = raw_name(self.source)
        if self.encoding == "text" and self.spec.trim:
            # rtrim looks at each letter of the text, which takes three times as long.
            value = SQL("CASE WHEN {0} LIKE '% ' THEN rtrim({0}, ' ') ELSE {0} END").format(value)
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
        if not self.collation:
            return value
        return SQL("{} COLLATE {}").format(value, Identifier(*self.collation))

    def rules(self) -> Iterator[Composable]:
        """Yield the conditions under which the row check would let the row pass."""
        kind = self.spec.type
        if self.spec.required or self.is_key:
            yield SQL("{} IS NOT NULL").format(self.value)
        if kind.name == "varchar":
            yield self._holds(SQL("char_length({0}) <= {1}"), Literal(kind.arguments[-1]))
        elif kind.arguments:
            yield self._holds(SQL("{0} = CAST({0} AS {1})"), SQL(str(kind)))
        yield from self._forms()

    def matches(self, stored: Composable, *, to_the_letter: bool) -> Composable:
        """Return a condition that holds only if all rules do, and the target has the value.

        What is compared is the value before its length or scale is enforced: that of the target,
        whose column is of the same type, breaks none of these. Equal numbers and documents may be
        written in more than one way: ``to_the_letter`` they are written the same.
        """
        same = SQL("{} = {}") if self.is_key else SQL("{} IS NOT DISTINCT FROM {}")
        held = [same.format(stored, self._exact), *self._forms()]
        if self.spec.required:
            held.append(SQL("{} IS NOT NULL").format(self.value))
        matches = SQL(" AND ").join(held)
        if self.encoding == "numeric" and self.spec.type.name == "numeric":
            # To read a number costs more than to write one, and to compare two.
            matches = SQL("({}::text = {} OR {})").format(stored, self.given, matches)
        if to_the_letter:
            written = SQL("{0}::text IS NOT DISTINCT FROM CAST({1} AS {2})::text AND {3}")
            return written.format(stored, self.value, SQL(str(self.spec.type)), matches)
        return matches

    @property
    def _exact(self) -> Composable:
        # A collation may call different texts equal; the copy must be the same to the byte.
        return SQL('{} COLLATE "C"').format(self.value) if self.collation else self.value

    def _forms(self) -> Iterator[Composable]:
        """Yield the rules for how a value is written."""
        if pattern := self._pattern:
            # That PostgreSQL would write it so is ten times as fast to find out as whether it
            # matches, and says as much: the row check takes what it writes.
            same = SQL("{2} IS NULL OR {0}::text = {2} OR {2} ~ {1}")
            yield self._holds(same, Literal(f"^(?:{pattern})$"), self.given)
        if self.encoding == "numeric" and self.spec.type.name in INTEGER_BITS:
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


def raw_name(at: int) -> Identifier:
    """Return the name of the column number ``at`` of what came."""
    return Identifier(f"r{at}")
