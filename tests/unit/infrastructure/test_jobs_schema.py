"""The JSON Schema of jobs.yaml: what editors are told, and that it agrees with the program."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.jobs_file import load_jobs
from qupersync.infrastructure.jobs_schema import jobs_schema

TOP = Path(__file__).parents[3]
SCHEMA = jobs_schema()
JOBS = """\
version: 1
defaults:
jobs:
  events:
    sql: SELECT id, at, status FROM events WHERE at >= :low AND at < :high
    target: quper.events
    key: [id]
    tags: [logs]
    max_rejects: 1%
    watermark:
      column: at
      initial: 7d
      overlap: 1h
      settled: {column: status, values: [done]}
    columns:
      id: bigint
      at: {type: timestamptz, required: true}
      status: varchar(20)
  tables:
    sql: {provisioned: SELECT 1 AS id}
    target: tables
    key: [id]
    mode: snapshot
    max_delete: 5
"""
MISTAKES = [
    ("version: 1", "version: 2"),
    ("version: 1\n", ""),
    ("defaults:", "defaults: {tags: [a]}"),
    ("  events:", "  Events:"),
    ("    target: quper.events\n", ""),
    ("watermark:", "watermrak:"),
    ("key: [id]\n    tags", "key: id\n    tags"),
    ("key: [id]\n    tags", "key: []\n    tags"),
    ("tags: [logs]", "tags: logs"),
    ("1%", "1 percent"),
    ("max_delete: 5", "max_delete: -5"),
    ("max_delete: 5", "timeout: 30"),
    ("max_delete: 5", "batch_size: many"),
    ("max_delete: 5", "load: fast"),
    ("max_delete: 5", "name: other"),
    ("max_delete: 5", "sql_file: other.sql"),
    ("max_delete: 5", "watermark: {column: id, initial: 1d, overlap: 0s}"),
    ("mode: snapshot", "mode: full"),
    ("    mode: snapshot\n", ""),
    ("    sql: {provisioned: SELECT 1 AS id}\n", ""),
    ("{provisioned:", "{provisionde:"),
    ("      initial: 7d\n", ""),
    ("values: [done]", "values: []"),
    ("id: bigint", "id: bigintt"),
    ("id: bigint", "id: {type: bigint, requierd: true}"),
    ("id: bigint", "id: {required: true}"),
]


def complaints(text: str) -> list[Any]:
    return list(Draft7Validator(SCHEMA).iter_errors(YAML(typ="safe", pure=True).load(text)))


def test_the_schema_in_the_repository_is_the_one_that_the_program_prints():
    committed = (TOP / "schema" / "jobs.v1.json").read_text()

    repair = "qupersync config schema > schema/jobs.v1.json"
    assert committed == json.dumps(SCHEMA, indent=2) + "\n", repair


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)


def test_the_shipped_jobs_pass_and_name_the_schema():
    text = (TOP / "jobs.yaml").read_text()

    assert complaints(text) == []
    assert text.startswith("# yaml-language-server: $schema=schema/jobs.v1.json\n")


def test_an_editor_has_something_to_say_about_each_field():
    fields = {
        f"{name}.{field}": about.get("description", "")
        for name, part in {"": SCHEMA, **SCHEMA["definitions"]}.items()
        for field, about in part["properties"].items()
    }

    assert len(fields) > 40
    assert [name for name, description in fields.items() if not description.endswith(".")] == []


def test_defaults_are_written_as_in_a_jobs_file():
    job = SCHEMA["definitions"]["Job"]["properties"]

    assert (job["timeout"]["default"], job["max_rejects"]["default"]) == ("1h", 100)
    assert job["max_delete"]["default"] == "50%"
    assert "default" not in job["watermark"]


def test_what_the_program_takes_the_schema_takes(tmp_path: Path):
    (tmp_path / "jobs.yaml").write_text(JOBS)

    assert complaints(JOBS) == []
    assert len(load_jobs(tmp_path / "jobs.yaml").jobs) == 2


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_a_typical_mistake_is_one_for_the_schema_and_for_the_program(
    tmp_path: Path, right: str, wrong: str
):
    assert JOBS.count(right) == 1
    text = JOBS.replace(right, wrong)
    (tmp_path / "jobs.yaml").write_text(text)

    assert complaints(text) != []
    with pytest.raises(ConfigError):
        load_jobs(tmp_path / "jobs.yaml")
