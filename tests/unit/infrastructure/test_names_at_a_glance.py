"""Names of jobs without YAML: those that YAML finds, and some of a half-written text."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qupersync.infrastructure.names_at_a_glance import names_at_a_glance

TOP = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["jobs.yaml", "starter/jobs.yaml"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_names_are_those_that_yaml_finds(name: str, line_end: str):
    text = (TOP / name).read_text()

    found = names_at_a_glance(text.replace("\n", line_end))

    assert found == list(YAML(typ="safe").load(text)["jobs"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("jobs:", []),
        ("jobs: {a: 1}", []),
        ("jobs: # mine\n  # a comment\n\n  a:\n    sql:\n  b: &b\nother:\n  c:\n", ["a", "b"]),
        ("jobs:\n      a:\n        sql: |\n         b:\n      c: {\n", ["a", "c"]),
        ("jobs:\n  a:b\n  B:\n  c: {}", ["c"]),
        ("defaults:\n  a:\njobs:\n  b:\n# jobs:\n  c:", ["b", "c"]),
        ("x_jobs:\n  a:\n", []),
    ],
)
def test_of_a_half_written_text_what_stands_under_jobs_counts(text: str, names: list[str]):
    assert names_at_a_glance(text) == names
