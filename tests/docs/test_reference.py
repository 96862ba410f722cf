"""What the program says of itself stands in the documents word by word, and is whole."""

from pathlib import Path

import pytest

from qupersync.infrastructure.jobs_file import load_jobs
from tests.docs import fields, reference


@pytest.mark.parametrize(("document", "name"), reference.BLOCKS)
def test_the_document_says_what_the_program_says(document: str, name: str):
    made = reference.BLOCKS[document, name]().strip()

    assert reference.block(reference.DOCS / document, name) == made, (
        "write it anew: python -m tests.docs.reference"
    )


def test_the_example_of_a_jobs_file_is_a_right_one(tmp_path: Path):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "countries.sql").write_text("SELECT code, name FROM shop.countries")
    (tmp_path / "jobs.yaml").write_text(fields.example())

    file = load_jobs(tmp_path / "jobs.yaml")

    assert [job.name for job in file.jobs] == ["orders", "nodes", "countries"]


@pytest.mark.parametrize("name", fields.parts())
def test_the_example_has_each_field(name: str):
    examples = fields.examples()
    shown = examples[name].keys() | (examples["Options"].keys() if name == "Job" else set())

    assert fields.parts()[name]["properties"].keys() - shown == set()
