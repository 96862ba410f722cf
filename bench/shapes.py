"""The tables that are loaded: their columns, the rows at the source, and how to compare two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TABLE = "feed"
# Never within the last minute, which a job leaves to its next run.
_AT = "date_trunc('hour', now() - interval '1 min') - i % 3600 * interval '1 s' - interval '1 min'"
_MIXED = {  # column: type, value of row i; each shape has a note besides
    "id": ("bigint", "i"),
    "account": ("integer", "i % 1000"),
    "name": ("text", "'name ' || i"),
    "ratio": ("double precision", "i * 1.5"),
    "amount": ("numeric(18,4)", "i * 1.25"),
    "is_open": ("boolean", "i % 2 = 0"),
    "changed": ("timestamptz", _AT),
}
# Those of sys_query_history (as of 2026): who, when, times in microseconds, sizes, words.
_WIDE_TIMES = """elapsed queue execution compile planning lock_wait commit_wait startup parse
    rewrite optimize network return spill sort hash scan join merge insert vacuum analyze"""
_WIDE_COUNTS = """returned_rows returned_bytes scanned_rows scanned_bytes spilled_blocks
    inserted_rows deleted_rows updated_rows written_bytes"""
_WIDE_WORDS = """database_name query_type query_label status error_message service_class_name
    compute_type usage_limit redshift_version username query_priority client_name
    application_name region query_hash_text"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table: for each column its type and the SQL of its value in row i; the first is the key."""

    name: str
    columns: Mapping[str, tuple[str, str]]

    @property
    def key(self) -> str:
        return next(iter(self.columns))

    def source_table(self, table: str, rows: int) -> tuple[str, ...]:
        """Return the statements that make the table at the source."""
        columns = {**self.columns, "note": ("text", "'as before'")}
        values = ", ".join(f"({how})::{kind} AS {name}" for name, (kind, how) in columns.items())
        return self._made(table, values, f"generate_series(1::bigint, {rows}) AS i")

    def changed_table(self, table: str, of: str, percent: int) -> tuple[str, ...]:
        """Return the statements that make a copy of a table, with some of its rows changed."""
        note = f"CASE WHEN {self.key} % 100 < {percent} THEN 'changed' ELSE note END AS note"
        return self._made(table, ", ".join([*self.columns, note]), f"{of} ORDER BY {self.key}")

    def _made(self, table: str, values: str, rows: str) -> tuple[str, ...]:
        return (
            f"CREATE TABLE {table} AS SELECT {values} FROM {rows}",  # noqa: S608
            f"ALTER TABLE {table} ADD PRIMARY KEY ({self.key})",
            f"VACUUM ANALYZE {table}",
        )

    def target_table(self, schema: str) -> str:
        """Return the statement that makes the empty target, which is the same for everyone."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.types())
        return f"CREATE TABLE {schema}.{TABLE} ({columns}, PRIMARY KEY ({self.key}))"

    def types(self) -> Iterator[tuple[str, str]]:
        yield from ((name, kind) for name, (kind, _) in self.columns.items())
        yield "note", "text"

    def content(self, table: str) -> str:
        """Return the query of the number of rows and of a hash that no order of rows changes."""
        row = ", ".join(f"{name}::{kind}" for name, kind in self.types())
        digest = f"coalesce(sum(hashtextextended(ROW({row})::text, 0)), 0)"
        return f"SELECT count(*) || ' rows ' || {digest} FROM {table}"  # noqa: S608

    def first(self, columns: int) -> "Shape":
        """Return the shape with so many columns, the note included."""
        names = list(self.columns)[: columns - 1]
        return Shape(name=f"{columns} columns", columns={n: self.columns[n] for n in names})


def _wide() -> Mapping[str, tuple[str, str]]:
    columns = {
        "query_id": ("bigint", "i"),
        "changed": ("timestamptz", _AT),
        "transaction_id": ("bigint", "i / 3"),
        "user_id": ("integer", "100 + i % 50"),
        "session_id": ("integer", "1073741824 + i % 100000"),
        "query_text": (
            "text",
            "'SELECT a, b FROM shop.orders WHERE id = ' || i || repeat(' AND x', 9)",
        ),
        "result_cache_hit": ("boolean", "i % 7 = 0"),
        "start_time": ("timestamptz", "now() - i * interval '1 ms'"),
        "end_time": ("timestamptz", "now() - i * interval '1 ms' + interval '1 s'"),
        "cost": ("double precision", "i * 0.37"),
        "credits": ("numeric(18,4)", "i * 0.0125"),
        "service_class_id": ("integer", "100 + i % 8"),
        "query_hash": ("bigint", "hashint8(i)"),
    }
    for number, name in enumerate(_WIDE_TIMES.split(), 1):
        columns[f"{name}_us"] = ("bigint", f"i * {number} % 1000003")
    for number, name in enumerate(_WIDE_COUNTS.split(), 1):
        columns[name] = ("bigint", f"i * {number} % 50021")
    for number, name in enumerate(_WIDE_WORDS.split(), 1):
        # Now and then none, as in the view.
        columns[name] = ("text", f"CASE WHEN i % {number + 3} > 0 THEN '{name} ' || i % 89 END")
    return columns


MIXED = Shape(name="8 columns", columns=_MIXED)
WIDE = Shape(name="60 columns", columns=_wide())
