"""Column types and rules: every spelling that is read, and what is refused."""

import pytest
from pydantic import TypeAdapter, ValidationError

from qupersync.domain.columns import Column, ColumnSpec, ColumnType

COLUMN = TypeAdapter(Column)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("bigint", "bigint"),
        (" double precision ", "double precision"),
        ("numeric", "numeric"),
        ("numeric(38)", "numeric(38,0)"),
        ("numeric(38, 18)", "numeric(38,18)"),
        ("varchar(63)", "varchar(63)"),
        ("character varying(63)", "varchar(63)"),
        ("character varying", "text"),
        ("timestamp without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("time without time zone", "time"),
    ],
)
def test_a_type_is_read_as_people_and_as_postgres_write_it(text, written):
    kind = ColumnType.parse(text)

    assert str(kind) == written
    assert ColumnType.parse(written) == kind


@pytest.mark.parametrize(
    "text",
    [
        "", "money", "bigint(", "bigint(8)", "varchar(10", "varchar(1,2)", "numeric(1,2,3)",
        "numeric(10,-2)", "numeric(1 2)", "timestamp(3)", "text; drop table x", "Bigint", 5, None,
        "character(5)", "bigint[]",
    ],
)  # fmt: skip
def test_a_type_that_is_not_loaded_is_refused(text):
    with pytest.raises(ValueError, match="unknown type"):
        ColumnType.parse(text)


def test_a_type_alone_is_a_whole_column():
    assert COLUMN.validate_python("bigint") == ColumnSpec(type=ColumnType("bigint"))
    assert COLUMN.validate_python(ColumnType("bigint")) == ColumnSpec(type=ColumnType("bigint"))


def test_a_column_has_rules():
    column = COLUMN.validate_python(
        {"type": "bigint", "from": "bytes_out", "default": 0, "null_if": ["", "-"], "trim": False}
    )

    assert (column.source, column.default, column.null_if) == ("bytes_out", 0, ("", "-"))
    assert not column.trim


@pytest.mark.parametrize("extra", [{"form": "x"}, {"from": ""}, {"default": []}])
def test_an_unknown_or_empty_rule_is_refused(extra):
    with pytest.raises(ValidationError):
        COLUMN.validate_python({"type": "bigint", **extra})


def test_a_column_is_serialised_as_it_is_written():
    column = COLUMN.validate_python({"type": "numeric(5)"})

    assert COLUMN.dump_python(column)["type"] == "numeric(5,0)"
