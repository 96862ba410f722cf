"""What the source is asked is one SELECT that Redshift can read, whatever the job says."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from qupersync.domain.likeness import Form, Likeness
from qupersync.domain.watermark import Window
from qupersync.infrastructure.redshift.content_sql import contents, literal, name
from qupersync.infrastructure.sql_guard import check_sql
from tests.pipeline.rig import a_job

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WINDOW = Window(NOON.replace(hour=11), NOON)
COLUMNS = {
    "id": {"type": "integer", "from": 'i"d; DROP TABLE items; --'},
    "name": {"type": "text", "null_if": ["'; DROP TABLE items; --", "\\'"], "default": "\\"},
    "size": {"type": "numeric", "default": 1.5},
    "flag": {"type": "boolean", "default": False},
    "day": "date",
    "changed": "timestamp",
}
FORMS = {
    COLUMNS["id"]["from"]: Form.NUMBER,  # type: ignore[index]
    "name": Form.PADDED,
    "size": Form.NUMBER,
    "flag": Form.BOOLEAN,
    "day": Form.DATE,
    "changed": Form.MOMENT,
}


def test_hostile_names_and_values_leave_it_one_select():
    job = a_job(columns=COLUMNS)
    likeness = Likeness.of(job, job.columns, FORMS)

    sql = contents("SELECT * FROM items -- all of it", likeness, [WINDOW, WINDOW])

    assert likeness.left_out == ()
    assert check_sql(sql) == []


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("it's", "('it''s')"),
        ("a\\b", "('a' || CHR(92) || 'b')"),
        ("\\'", "('' || CHR(92) || '''')"),
        ("", "('')"),
        (Decimal("1E+3"), "1000"),
        (True, "TRUE"),
        (NOON, "timestamp '2026-03-01 12:00:00.000000'"),
    ],
)
def test_a_value_is_a_literal_on_both_databases(value, sql):
    assert literal(value) == sql


def test_a_quote_in_a_name_is_doubled():
    assert name('a"b') == '"a""b"'
