"""The statement that counts and hashes a job's rows at the source, composed and never run here.

It must say the same of equal rows as ``postgres/content_sql.py``. A value's text is hashed by
itself, so that no separator can be part of it; a NULL is ``-``, which no hash is.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from qupersync.domain.likeness import Cell, Default, Form, Likeness
from qupersync.domain.watermark import Window
from qupersync.domain.watermark import literal as point

# A line of its own for the bracket: the job's query may end with a comment.
CONTENTS = """
SELECT place, COUNT(*) AS found,
       SUM(CAST(STRTOL(SUBSTRING(MD5(digest), 1, 15), 16) AS DECIMAL(38, 0))) AS total
  FROM (SELECT digest, CASE {places} END AS place
          FROM (SELECT {digest} AS digest, {mark} AS mark,
                       ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {mark} DESC NULLS LAST) AS nth
                  FROM (
{sql}
) AS qupersync_rows) AS numbered
         WHERE nth = 1) AS placed
 WHERE place IS NOT NULL GROUP BY place
"""
PLACE = "WHEN mark >= {low} AND mark < {high} THEN {number}"
DIGEST = "COALESCE(MD5({text}), '-')"
TEXTS = {
    # Trailing zeros tell the scale of a column, which the two sides need not share.
    Form.NUMBER: "CASE WHEN CAST({value} AS VARCHAR) LIKE '%.%'"
    " THEN RTRIM(RTRIM(CAST({value} AS VARCHAR), '0'), '.') ELSE CAST({value} AS VARCHAR) END",
    Form.BOOLEAN: "CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' END",
    Form.MOMENT: "TO_CHAR({value}, 'YYYY-MM-DD HH24:MI:SS.US')",
    Form.DATE: "TO_CHAR({value}, 'YYYY-MM-DD')",
    Form.TEXT: "{value}",
}
# What the loader takes for a value's text, where it is another one than above.
SPELLED = TEXTS | dict.fromkeys((Form.NUMBER, Form.MOMENT), "CAST({value} AS VARCHAR)")
NULL_IF = "CASE WHEN {text} IN ({texts}) THEN NULL ELSE {value} END"
OR_DEFAULT = "COALESCE({value}, {default})"


def contents(sql: str, likeness: Likeness, windows: Sequence[Window]) -> str:
    """Return the statement; its rows are a place in ``windows``, a count and a hash."""
    return CONTENTS.format(
        sql=sql,
        places=" ".join(
            PLACE.format(low=point(window.low), high=point(window.high), number=number)
            for number, window in enumerate(windows)
            if window.high is not None
        ),
        digest=" || ".join(_digest(cell) for cell in likeness.compared) or "''",
        mark=_column(likeness.watermark),
        key=_listed(map(_value, likeness.key)),
    )


def literal(value: Default) -> str:
    """Render a value as SQL; with ``point`` and ``name`` all that ever comes from outside.

    A backslash is written by its number: Redshift takes one in a text for an escape.
    """
    match value:
        case bool():
            return str(value).upper()
        case Decimal():
            return format(value, "f")
        case str():
            parts = (f"'{part}'" for part in value.replace("'", "''").split("\\"))
            return f"({' || CHR(92) || '.join(parts)})"
        case _:
            return point(value)


def name(text: str) -> str:
    """Quote an identifier."""
    return '"' + text.replace('"', '""') + '"'


def _digest(cell: Cell) -> str:
    return DIGEST.format(text=TEXTS[cell.form or Form.TEXT].format(value=_value(cell)))


def _value(cell: Cell) -> str:
    """Return the column after the job's rules for it, in their order."""
    value = _column(cell)
    if cell.form is None:
        return value
    if cell.form is Form.TEXT and cell.trim:
        value = f"RTRIM({value})"
    if cell.null_if:
        texts = _listed(map(literal, cell.null_if))
        text = SPELLED[cell.form].format(value=value)
        value = NULL_IF.format(text=text, texts=texts, value=value)
    if cell.default is not None:
        value = OR_DEFAULT.format(value=value, default=literal(cell.default))
    return value


def _column(cell: Cell) -> str:
    return f"qupersync_rows.{name(cell.source)}"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
