"""Table names: plain, quoted, qualified, and the 63 bytes of PostgreSQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from qupersync.domain.table_name import TableName, Target, identifier

NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15
)


@pytest.mark.parametrize(
    ("text", "schema", "table"),
    [
        ("events", "quper", "events"),
        ("Sales.Events", "sales", "events"),
        ('"Sales"."a.b"', "Sales", "a.b"),
        ('x."say ""hi"""', "x", 'say "hi"'),
        ("_a$1", "quper", "_a$1"),
        ("É", "quper", "É"),
    ],
)
def test_a_name_is_read_as_postgres_reads_it(text, schema, table):
    assert TableName.parse(text) == TableName(schema, table)


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "1a", "a b", 'a"', '""', "a.", "a;b", None, 5, "a\n"]
)
def test_what_is_no_table_name_is_refused(text):
    with pytest.raises(ValueError, match="expected table or schema"):
        TableName.parse(text)


@given(NAMES, NAMES)
def test_a_written_name_is_read_back(schema, table):
    name = TableName(schema, table)

    assert TableName.parse(str(name)) == name
    assert TableName.parse(name) == name


def test_a_plain_name_is_written_without_quotes():
    assert TypeAdapter(Target).dump_python(TableName("quper", "events")) == "quper.events"
    assert str(TableName("quper", "Events")) == 'quper."Events"'


def test_a_name_of_63_bytes_is_the_longest():
    assert identifier("é" * 31 + "x") == "é" * 31 + "x"
    with pytest.raises(ValueError, match="at most 63 bytes"):
        identifier("é" * 32)


@pytest.mark.parametrize("text", ["", "a\0b", None, 5])
def test_an_identifier_is_a_text_without_nul(text):
    with pytest.raises(ValueError, match="not empty and without a NUL"):
        identifier(text)


def test_a_quoted_part_is_bounded_too():
    with pytest.raises(ValueError, match="at most 63 bytes"):
        TableName.parse(f'"{"x" * 64}"')
