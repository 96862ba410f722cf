"""Where a character of a YAML value stands in the file, however YAML wrote the value."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.written_text import WrittenText
from qupersync.infrastructure.yaml_positions import read_yaml


def found(text: str, mark: str = "@") -> tuple[int, int]:
    """Where the file is said to have the mark, which its one value has as well."""
    document = read_yaml(WrittenText("jobs.yaml", text))
    assert isinstance(document.data, dict)
    (value,) = document.data.values()
    lines = value[: value.index(mark)].split("\n")
    problem = document.problem_within(("sql",), len(lines), len(lines[-1]) + 1, "")
    return problem.line, problem.column


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sql: SELECT @\n", (1, 13)),
        ("sql: SELECT 1,\n\n  2,\n  @ x\n", (4, 3)),
        ("sql: |\n  SELECT\n    @\n", (3, 5)),
        ("sql: |-   # why\n\n\n  SELECT @\n", (4, 10)),
        ("sql: |2\n    SELECT\n   @\n", (3, 4)),
        ("sql: |+\r\n  SELECT\r\n  @\r\n", (3, 3)),
        ("sql: >\n  SELECT 1,\n  2,\n\n  3,\n    4,\n  @\n", (7, 3)),
        ("sql: >-  # @\n  SELECT\n  @\n", (3, 3)),
        ("sql: 'SELECT ''a'', @'\n", (1, 21)),
        ("sql: 'SELECT ''a'',\n  ''b'', @'\n", (2, 10)),
        ('sql: "SELECT \\"a\\",\\n\\x41 @"\n', (1, 27)),
        ('sql: "SELECT 1,\\\n  \\  2,\\t\n  @"\n', (3, 3)),
        ("sql:\n  SELECT é,  @\n", (2, 14)),
    ],
)
def test_a_character_of_the_value_is_found_where_it_was_written(text, place):
    assert found(text) == place


def test_a_place_at_a_blank_is_the_next_thing_written():
    assert found("sql: >\n  SELECT\n  1\n", mark=" ") == (3, 3)


def test_an_alias_is_where_its_text_stands():
    document = read_yaml(WrittenText("jobs.yaml", "a: &a |\n  SELECT\n  1\nsql: *a\n"))

    problem = document.problem_within(("sql",), 2, 1, "")

    assert (problem.line, problem.source) == (3, "  1")


@given(st.text(st.sampled_from("ab '\"\\\n\t,-é"), min_size=1), st.sampled_from("|>'\""))
def test_whatever_a_value_is_made_of_its_mark_is_found(text, style):
    written = {"|": f"|2\n  {text}@", ">": f">2\n  {text}@", "'": f"'{text}@'", '"': f'"{text}@"'}
    yaml = "sql: " + written[style].replace("\n", "\n  ") + "\n"
    with suppress(ConfigError):  # not every text is YAML
        line, column = found(yaml)

        assert yaml.split("\n")[line - 1][column - 1] == "@"


def test_a_problem_carries_its_line_unless_it_is_past_the_end():
    text = WrittenText("jobs.yaml", "a\r\nb\n")

    assert [text.problem(line, 1, "").source for line in (1, 2, 3, 9)] == ["a", "b", "", ""]
