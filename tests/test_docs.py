"""The README and the quick start tell the truth: what they show is what the program does."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import build_warehouse
from tests.cli.shell import Shell, World, variables
from tests.docs.documents import fences

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text()
QUICKSTART = (TOP / "docs" / "quickstart.md").read_text()
ORDERS = """
DROP TABLE shop.orders CASCADE;
CREATE TABLE shop.orders (id bigint, status varchar(20), total numeric(12,2), updated_at timestamp);
INSERT INTO shop.orders VALUES (1, 'paid', 9.99, now() AT TIME ZONE 'UTC' - interval '1 day');
"""
COUNT = "SELECT count(*) > 0 FROM quper.query_history"


@pytest.fixture
def newcomer(
    server: PostgresAddress, tmp_path: Path, empty_database: str, blank_target: str
) -> Iterator[World]:
    """An empty folder, a Redshift with a shop in it, and a PostgreSQL with nothing in it."""
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor="provisioned", rows=100, now=datetime.now(UTC))  # noqa: TID251
    with StandIn(upstream=server) as stand_in:
        known = variables(stand_in, empty_database, blank_target) | {"REDSHIFT_FLAVOR": "auto"}
        shell = Shell(folder=tmp_path, variables=known)
        world = World(shell=shell, source=empty_database, target=blank_target, stand_in=stand_in)
        world.at_source(ORDERS)
        yield world


@pytest.fixture
def blank_target(server: PostgresAddress, empty_database: str) -> Iterator[str]:
    name = f"{conninfo_to_dict(empty_database)['dbname']}_target"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.conninfo(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_readmes_job_is_ten_lines_long():
    assert len(block("yaml").splitlines()) == 10


def test_the_readmes_first_five_minutes_do_what_they_show(newcomer: World):
    first = README[README.index("<!-- first -->") : README.index("## Your own job")]

    assert typed(newcomer.shell, first) == [("doctor", 1)]  # the schema is still to come

    assert newcomer.rows(COUNT) == [(True,)]


def test_the_readmes_own_job_does_what_it_shows(newcomer: World):
    newcomer.shell.write_jobs(block("yaml"))
    assert newcomer.shell.execute("db", "upgrade").code == 0

    assert typed(newcomer.shell, README[README.index("<!-- own -->") :]) == []

    assert newcomer.rows("SELECT id, total::text FROM quper.orders") == [(1, "9.99")]


def test_the_quick_start_leads_from_nothing_to_rows(newcomer: World):
    before, own = QUICKSTART.split("## 7. A job of your own")

    assert typed(newcomer.shell, before) == [("doctor", 1)]
    assert newcomer.rows(COUNT) == [(True,)]
    jobs = newcomer.shell.folder / "jobs.yaml"
    head, _, asleep = jobs.read_text().partition("  # orders:")
    jobs.write_text(head + re.sub("(?m)^  # ", "  ", "  # orders:" + asleep))
    assert typed(newcomer.shell, own.replace("1 job", "3 jobs")) == []

    assert newcomer.rows("SELECT count(*) FROM quper.orders") == [(1,)]


def typed(shell: Shell, document: str) -> list[tuple[str, int]]:
    """Type each command of a document; return those that failed, with their exit codes."""
    failed: list[tuple[str, int]] = []
    for words, shown in commands(document):
        done = shell.execute(*words.split())
        assert done.out.startswith(shown)
        if done.code:
            failed.append((words, done.code))
    return failed


def commands(document: str) -> Iterator[tuple[str, str]]:
    """Each command of the consoles of a document, with what it is shown to say."""
    for language, code in fences(document):
        for part in re.split(r"^\$ qupersync ", code, flags=re.MULTILINE)[1:]:
            words, _, shown = part.partition("\n")
            if language == "console":
                yield words, shown


def test_the_readme_shows_what_the_demo_says_on_a_terminal():
    shown = [like(line) for line in block("text", after="<!-- demo -->").splitlines()]

    seen = {like(line) for line in on_a_terminal(sys.executable, "-m", "qupersync", "demo")}

    assert [line for line in shown if line not in {"", "..."} | seen] == []


def like(line: str) -> str:
    """A line without what differs from run to run: numbers, units, colors and gaps."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)
    plain = re.sub(r"\d[\d.,:-]*( (ms|s|m|d|h)\b)*", "0", plain)
    return " ".join(re.sub(r"\b0( 0)*\b", "0", plain).split())


def on_a_terminal(*command: str) -> list[str]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how Linux tells the end of a terminal
        while part := os.read(ours, 65_536):
            written += part
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode().splitlines()


def block(language: str, *, after: str = "") -> str:
    text = README[README.index(after) :]
    return next(code for found, code in fences(text) if found == language)
