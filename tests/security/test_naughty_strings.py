"""Strings that break programs travel unchanged, or are refused in words; none breaks this one."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import Identifier

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.domain.batch import Tally
from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.connections import conninfo, driver_options
from qupersync.infrastructure.jobs_file import load_jobs
from qupersync.infrastructure.postgres.session import connected
from qupersync.infrastructure.redshift import source as redshift
from qupersync.infrastructure.settings import Settings, load_settings
from tests.cli.shell import Shell
from tests.pipeline.rig import Rig, a_job, a_snapshot, tables
from tests.security.hostile import JSON_TEXTS, NAMES, NAUGHTY, RESOURCES

MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
AS_THEY_ARE = {"type": "text", "trim": False}
COLUMNS = {"id": "integer", "name": AS_THEY_ARE, "changed": "timestamp"}
JOBS = """\
version: 1
jobs:
  {}: {{sql: SELECT 1 AS id, target: a.b, key: [id], mode: snapshot}}
"""


def fill(rig: Rig, rows: Iterable[tuple[object, str]]) -> None:
    with psycopg.connect(rig.source) as connection:
        connection.cursor().executemany(
            "INSERT INTO items VALUES (%s, %s, '2026-03-01 11:30')", rows
        )


@MODES
def test_as_values_they_travel_unchanged(items: Rig, job):
    fill(items, enumerate(NAUGHTY))

    run = items.run(job.model_validate(job.model_dump(exclude_unset=True) | {"columns": COLUMNS}))

    assert run.tally == Tally(extracted=len(NAUGHTY), inserted=len(NAUGHTY)), run.error
    assert [name for (name,) in items.rows("SELECT name FROM items ORDER BY id")] == NAUGHTY


def test_as_keys_they_tell_rows_apart(rig: Rig):
    fill(tables(rig, "text"), ((text, "") for text in NAUGHTY))
    job = a_snapshot(columns=COLUMNS | {"id": AS_THEY_ARE})

    assert rig.run(job).tally == Tally(extracted=len(NAUGHTY), inserted=len(NAUGHTY))
    assert rig.run(job).tally == Tally(extracted=len(NAUGHTY), unchanged=len(NAUGHTY))
    assert {key for (key,) in rig.rows("SELECT id FROM items")} == set(NAUGHTY)


def test_as_columns_they_are_loaded(rig: Rig):
    quoted = [Identifier(name).as_string() for name in NAMES]
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, {' text, '.join(quoted)} text)")
    rig.at_source(f"INSERT INTO items VALUES (1, {', '.join(map(str, range(len(NAMES))))})")

    run = rig.run(a_snapshot())

    assert run.tally == Tally(extracted=1, inserted=1), run.error
    assert rig.rows("SELECT * FROM items") == rig.source_rows("SELECT * FROM items")


@pytest.mark.parametrize("place", range(0, len(NAMES), 40))
def test_as_tables_they_are_loaded(rig: Rig, place: int):
    table = Identifier(NAMES[place], NAMES[place]).as_string()
    rig.at_both(
        f"CREATE SCHEMA {Identifier(NAMES[place]).as_string()}",
        f"CREATE TABLE {table} (id int PRIMARY KEY)",
    )
    rig.at_source(f"INSERT INTO {table} VALUES (1)")

    assert rig.run(a_snapshot(sql=f"SELECT * FROM {table}", target=table)).tally.inserted == 1


def verdict(file: Path, name: str) -> str:
    """Return what is wrong with a file of one job of this name, or the name as it was taken."""
    file.write_text(JOBS.format(json.dumps(name)))
    try:
        return load_jobs(file).jobs[0].name
    except ConfigError as error:
        return str(error)


def test_as_jobs_they_are_refused_in_words_or_are_plain_names(tmp_path):
    file = tmp_path / "jobs.yaml"

    verdicts = [verdict(file, name) for name in NAUGHTY[::2]]

    taken = {text for text in verdicts if not text.startswith(f"{file}:")}
    assert taken < set(NAUGHTY)
    assert [name for name in taken if not re.fullmatch("[a-z0-9][a-z0-9_-]{0,62}", name)] == []


@pytest.mark.parametrize("place", range(0, len(NAUGHTY), 40))
def test_a_job_of_that_name_is_exit_3_without_a_traceback(shell: Shell, place: int):
    shell.write_jobs(JOBS.format(json.dumps(f"-{NAUGHTY[place]}")))

    done = shell.type("validate")

    assert (done.code, "Traceback" in done.err) == (3, False)


def settings(tmp_path, password: str, **more: str) -> Settings:
    file = tmp_path / "password"
    file.write_bytes(password.encode())
    files = {"REDSHIFT_PASSWORD_FILE": str(file), "POSTGRES_PASSWORD_FILE": str(file)}
    return load_settings(files | more, None)


def test_as_passwords_they_reach_both_servers(
    server: PostgresAddress, empty_database: str, tmp_path
):
    with StandIn(upstream=server) as stand_in:
        database = str(conninfo_to_dict(empty_database)["dbname"])
        parts = {
            "HOST": stand_in.host,
            "PORT": str(stand_in.port),
            "USER": stand_in.user,
            "DB": database,
        }
        where = {
            f"{side}_{name}": v for side in ("REDSHIFT", "POSTGRES") for name, v in parts.items()
        }
        where |= {"REDSHIFT_SSLMODE": "disable", "POSTGRES_SSLMODE": "disable"}
        for password in filter(None, NAUGHTY[::8]):
            stand_in.password = password
            given = settings(tmp_path, password, **where)
            options = driver_options(given.redshift, given.aws)
            with redshift.connected(options, fetch_rows=1, limit_s=10) as source:
                assert source.ask("SELECT 7") == (7,)
            with connected(conninfo(given.postgres)):
                pass


def test_json_texts_travel_unchanged_as_text(items: Rig):
    fill(items, enumerate(JSON_TEXTS.values()))

    run = items.run(a_snapshot(columns=COLUMNS))

    assert run.tally.inserted == len(JSON_TEXTS), run.error
    assert [t for (t,) in items.rows("SELECT name FROM items ORDER BY id")] == [
        *JSON_TEXTS.values()
    ]


def test_json_texts_are_loaded_as_jsonb_as_postgres_itself_takes_them_or_set_aside(rig: Rig):
    tables(rig).at_target("ALTER TABLE items ALTER name TYPE jsonb USING name::jsonb")
    fill(rig, enumerate(JSON_TEXTS.values()))

    run = rig.run(a_snapshot(columns=COLUMNS | {"name": "jsonb"}, max_rejects="100%"))

    fine = set(taken(rig))
    loaded = {key for (key,) in rig.rows("SELECT id FROM items")}
    names = [name for at, name in enumerate(JSON_TEXTS) if at in loaded]
    assert loaded == {at for at, text in enumerate(JSON_TEXTS.values()) if text in fine}
    assert [name for name in names if name.startswith("n_")] == []
    assert run.tally.inserted + run.tally.skipped == len(JSON_TEXTS), run.error
    assert rig.rows("SELECT count(*) FROM quper.sync_rejects") == [(run.tally.skipped,)]


def taken(rig: Rig) -> Iterator[str]:
    """Yield the texts that PostgreSQL, asked by itself, takes for jsonb."""
    with psycopg.connect(rig.target, autocommit=True) as connection:
        for text in JSON_TEXTS.values():
            with suppress(psycopg.DataError):
                connection.execute("SELECT %s::jsonb", [text])
                yield text


@pytest.mark.parametrize("name", ["blns.json", "json_test_suite.json"])
def test_the_collections_are_those_that_the_readme_names(name: str):
    digest = hashlib.sha256((RESOURCES / name).read_bytes()).hexdigest()

    assert f"{digest}  {name}\n" in (RESOURCES / "README.md").read_text()
