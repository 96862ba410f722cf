from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.likeness import Cell, Form, Likeness
from tests.pipeline.rig import a_job


def a_cell(form: Form | None, **fields: Any) -> Cell:
    return Cell.of("v", ColumnSpec.model_validate({"type": "text"} | fields), {"v": form})


@pytest.mark.parametrize(
    ("source", "target", "shared"),
    [
        (Form.NUMBER, "smallint", Form.NUMBER),
        (Form.NUMBER, "numeric(10,2)", Form.NUMBER),
        (Form.NUMBER, "text", None),
        (Form.NUMBER, "double precision", None),
        (Form.TEXT, "varchar(3)", Form.TEXT),
        (Form.TEXT, "integer", None),
        (Form.TEXT, "uuid", None),
        (Form.TEXT, "jsonb", None),
        (Form.PADDED, "text", Form.TEXT),
        (Form.MOMENT, "timestamptz", Form.MOMENT),
        (Form.MOMENT, "date", None),
        (Form.DATE, "date", Form.DATE),
        (Form.BOOLEAN, "boolean", Form.BOOLEAN),
        (None, "text", None),
        (None, "time", None),
    ],
)
def test_only_a_form_that_both_sides_have_is_compared(source, target, shared):
    assert a_cell(source, type=target).form is shared


def test_padding_that_is_kept_is_not_compared():
    assert a_cell(Form.PADDED, trim=False).form is None


@pytest.mark.parametrize(
    ("source", "target", "default", "value"),
    [
        (Form.NUMBER, "numeric", 1.5, Decimal("1.5")),
        (Form.NUMBER, "integer", "7", Decimal(7)),
        (Form.TEXT, "text", 7, "7"),
        (Form.BOOLEAN, "boolean", True, True),
        (Form.DATE, "date", "2026-03-01", date(2026, 3, 1)),
        (Form.MOMENT, "timestamp", "2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_default_is_read_as_what_the_column_is(source, target, default, value):
    assert a_cell(source, type=target, default=default).default == value


@pytest.mark.parametrize(
    ("source", "target", "default"),
    [
        (Form.NUMBER, "integer", "seven"),
        (Form.BOOLEAN, "boolean", "yes"),
        (Form.DATE, "date", "infinity"),
        (Form.MOMENT, "timestamp", "2026-03-01 BC"),
    ],
)
def test_a_default_that_only_the_target_can_read_leaves_its_column_out(source, target, default):
    assert a_cell(source, type=target, default=default).form is None


def test_a_nul_that_no_value_can_have_is_no_text_for_null():
    assert a_cell(Form.TEXT, null_if=["a\0", "b"]).null_if == ("b",)


def test_a_column_is_looked_for_under_its_name_at_the_source():
    spec = ColumnSpec.model_validate({"type": "text", "from": "w"})

    assert Cell.of("v", spec, {"v": None, "w": Form.TEXT}).form is Form.TEXT


def test_what_cannot_be_compared_is_named_but_may_be_of_the_key():
    columns = {"id": "uuid", "size": "real", "name": "text", "changed": "timestamp"}
    job = a_job(columns=columns)
    forms = {"id": Form.TEXT, "size": None, "name": Form.TEXT, "changed": Form.MOMENT}

    likeness = Likeness.of(job, job.columns, forms)

    assert [cell.name for cell in likeness.compared] == ["name", "changed"]
    assert likeness.left_out == ("id", "size")
    assert [cell.source for cell in likeness.key] == ["id"]
    assert likeness.watermark.source == "changed"
