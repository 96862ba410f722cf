"""The statement that counts and hashes a job's rows in the target, composed and never run here.

It must say the same of equal rows as ``redshift/content_sql.py``.
"""

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from qupersync.domain.likeness import Cell, Form, Likeness
from qupersync.domain.table_name import TableName
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical

CONTENTS = SQL("""
SELECT place, count(*), sum(('x' || substr(md5(digest), 1, 15))::bit(60)::bigint)
  FROM (SELECT {digest} AS digest, CASE {places} END AS place FROM {table} AS t
         WHERE t.{mark} >= {low} AND t.{mark} < {high}) AS placed
 WHERE place IS NOT NULL GROUP BY place
""")
PLACE = SQL("WHEN t.{mark} >= {low} AND t.{mark} < {high} THEN {number}")
# As UTF-8, whatever the encoding of this database.
DIGEST = SQL("coalesce(md5(convert_to({text}, 'UTF8')), '-')")
TEXTS = {
    Form.NUMBER: SQL(
        "CASE WHEN t.{0}::text LIKE '%.%' THEN rtrim(rtrim(t.{0}::text, '0'), '.')"
        " ELSE t.{0}::text END"
    ),
    Form.BOOLEAN: SQL("CASE WHEN t.{0} THEN 'true' WHEN NOT t.{0} THEN 'false' END"),
    Form.MOMENT: SQL("to_char(t.{0}, 'YYYY-MM-DD HH24:MI:SS.US')"),
    Form.DATE: SQL("to_char(t.{0}, 'YYYY-MM-DD')"),
    Form.TEXT: SQL("t.{0}::text"),
}


def contents(
    table: TableName, likeness: Likeness, kind: WatermarkType, windows: Sequence[Window]
) -> Composed:
    """Return the statement; its rows are a place in ``windows``, a count and a hash.

    The windows are closed, the oldest first. There are no parameters, because psycopg would take
    a % in a name for one.
    """
    digests = [DIGEST.format(text=_text(cell)) for cell in likeness.compared]
    mark = Identifier(likeness.watermark.name)
    places = (
        PLACE.format(
            mark=mark,
            low=_point(window.low, kind),
            high=_point(window.high, kind),
            number=Literal(number),
        )
        for number, window in enumerate(windows)
    )
    return CONTENTS.format(
        digest=SQL(" || ").join(digests) if digests else Literal(""),
        places=SQL(" ").join(places),
        table=Identifier(table.schema, table.table),
        mark=mark,
        low=_point(windows[0].low, kind),
        high=_point(windows[-1].high, kind),
    )


def _text(cell: Cell) -> Composable:
    if cell.form is None:
        raise AssertionError("only what can be compared is asked for")
    return TEXTS[cell.form].format(Identifier(cell.name))


def _point(point: Point | None, kind: WatermarkType) -> Composed:
    if point is None:
        raise AssertionError("a window of time is closed")
    return SQL("CAST({} AS {})").format(Literal(canonical(point)), SQL(kind.value))
