"""A job's SQL text and its two placeholders, ``:low`` and ``:high``."""

import re
from collections.abc import Mapping

from qupersync.domain.watermark import WatermarkType, Window, literal

# What may hold a colon that is no placeholder comes first: strings (Redshift takes a backslash
# as an escape), quoted names, comments, dollar quotes and casts.
_TOKENS = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1|::"""
    r"""|(?<![\w:]):(?P<name>low|high)\b""",
    re.DOTALL | re.IGNORECASE,
)


def placeholders(sql: str) -> frozenset[str]:
    """Return which of ``low`` and ``high`` the text asks for."""
    return frozenset(
        match["name"].lower() for match in _TOKENS.finditer(sql) if match["name"] is not None
    )


def bound(sql: str, window: Window | None) -> str:
    """Return the text with each placeholder replaced by the window's typed literal."""
    values: Mapping[str, str] = {}
    if window is not None:
        points = {"low": window.low, "high": window.high}
        values = {name: literal(point) for name, point in points.items() if point is not None}

    def filled(match: re.Match[str]) -> str:
        return values[match["name"].lower()] if match["name"] else match[0]

    return _TOKENS.sub(filled, sql)


def oldest(sql: str, column: str, kind: WatermarkType, window: Window) -> str:
    """Return the query for the smallest value in a window of a column of a query's result.

    The value is of the watermark's type, whatever the column is, and comes as text.
    """
    name = column.replace('"', '""')
    mark = f'CAST("{name}" AS {kind})'
    # Not in WHERE: a planner that multiplies it with the job's own bounds expects hardly a row, and
    # then loops for minutes (seen on 20,000 queries of the stand-in).
    # As constants of its type: else each row's value is converted for each comparison.
    value = f"min(CASE WHEN {mark} >= {literal(window.low, kind)} THEN {mark} END)"
    if window.high is not None:  # once for all rows: if the smallest is not below it, none is
        value = f"CASE WHEN {value} < {literal(window.high, kind)} THEN {value} END"
    return f"SELECT CAST({value} AS varchar) FROM {_rows_of(sql)}"  # noqa: S608 - the name is quoted


def counted(sql: str) -> str:
    """Return the query for the number of rows of a query's result."""
    return f"SELECT count(*) FROM {_rows_of(sql)}"  # noqa: S608 - a job's own query


def without_rows(sql: str) -> str:
    """Return the query for the columns of a query's result, without a row of it."""
    return f"SELECT * FROM {_rows_of(sql)} LIMIT 0"  # noqa: S608 - a job's own query


def _rows_of(sql: str) -> str:
    # A line of its own for the bracket: the query may end with a comment.
    return f"(\n{sql}\n) AS qupersync_rows"
