"""Canaries: each secret is one, and nothing that a run leaves behind holds any."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli.shell import World

CANARY = "canary"
URL = "http://127.0.0.1:9/canary-path?token=canary-token"
SECRETS = {
    "POSTGRES_PASSWORD": "canary-postgres",
    "AWS_ACCESS_KEY_ID": "canary-aws-id",
    "AWS_SECRET_ACCESS_KEY": "canary-aws'key",
    "AWS_SESSION_TOKEN": "canary-aws\\session/ +%",
    "QUPERSYNC_PING_START_URL": URL,
    "QUPERSYNC_PING_SUCCESS_URL": URL,
    "QUPERSYNC_PING_FAILURE_URL": URL,
    "QUPERSYNC_ALERT_URLS": "json://me:canary-alert@127.0.0.1:9/canary-room",
}
TABLES = (
    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname <> 'pg_catalog'"
)
LOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
SESSIONS = "SELECT s::text FROM pg_stat_activity AS s WHERE pid <> pg_backend_pid()"
# Whatever a program may do between its start and a bug.
WITH_A_BUG = """
import sys; sys.argv[1:] = ['list']; import qupersync.bootstrap.app as b; real = b.open_app
def broken(**files):
    app = real(**files)
    raise KeyError(str(app.settings.secrets()), app.servers.conninfo)
b.open_app = broken; from qupersync.__main__ import main; main()
"""
IAM = {
    "REDSHIFT_IAM": "true",
    "REDSHIFT_CLUSTER_IDENTIFIER": "c",
    "REDSHIFT_DB_USER": "u",
    "REDSHIFT_SSLMODE": "verify-full",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}
COMMANDS = {
    "a run": ["run", "items"],
    "a run of all": ["run", "--all"],
    "a failing run": ["run", "broken"],
    "a proof": ["verify", "items"],
    "the doctor": ["doctor", "-o", "json"],
    "the settings": ["config", "show"],
    "the settings for machines": ["config", "show", "-o", "json"],
    "a plan": ["plan", "-o", "json"],
    "the status": ["status", "-o", "json"],
    "the history": ["history", "-o", "json"],
    "the schema": ["db", "upgrade"],
}


@pytest.fixture
def canaries(world: World) -> World:
    """A world in which each secret is a canary; both servers want the right password."""
    world.stand_in.password = "canary-redshift"  # noqa: S105 - that is the point
    file = world.shell.folder / "password"
    file.write_text("canary-redshift\n")
    del world.shell.variables["REDSHIFT_PASSWORD"]
    world.shell.variables |= SECRETS | {"REDSHIFT_PASSWORD_FILE": str(file)}
    return world


def left_behind(world: World) -> Iterator[str]:
    """Yield the files of the folder and every row of every table of the target."""
    for file in world.shell.folder.rglob("*"):
        if file.is_file() and file.name != "password":
            yield file.read_text(errors="replace")
    for (table,) in world.rows(TABLES):
        yield from (row for (row,) in world.rows(f"SELECT t::text FROM {table} AS t"))


def holding(world: World, *texts: str) -> list[str]:
    return [text for text in (*texts, *left_behind(world)) if CANARY in text]


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_leaves_a_secret_behind(canaries: World, words: list[str]):
    done = canaries.shell.type(*words, QUPERSYNC_LOG_LEVEL="debug")

    assert holding(canaries, done.out, done.err) == []


@pytest.mark.parametrize(
    ("flaw", "code"),
    [
        ({"REDSHIFT_PASSWORD_FILE": "", "REDSHIFT_PASSWORD": "canary-wrong"}, 6),
        ({"POSTGRES_USER": "quper", "POSTGRES_PASSWORD": "canary-wrong", "is_target": "1"}, 6),
        ({"REDSHIFT_SSLMODE": "verify-full"}, 4),
        ({"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "9"}, 4),
        ({"REDSHIFT_PASSWORD": "canary-both"}, 3),
        ({"REDSHIFT_PORT": "canary-is-no-port", "REDSHIFT_PASSWORD_FILE": "/canary"}, 3),
        (IAM, 4),
    ],
)
@pytest.mark.parametrize("log", ["json", "text"])
def test_no_failure_tells_a_secret(canaries: World, flaw: dict[str, str], code: int, log: str):
    if "is_target" in flaw:
        stand_in = canaries.stand_in
        flaw = flaw | {"POSTGRES_HOST": stand_in.host, "POSTGRES_PORT": str(stand_in.port)}

    done = canaries.shell.type("run", "items", QUPERSYNC_LOG_FORMAT=log, **flaw)

    assert done.code == code, done.err
    told = [
        text.replace("/canary cannot", "").replace("/canary:", "") for text in (done.out, done.err)
    ]
    assert holding(canaries, *told) == []


def test_pages_and_metrics_hold_no_secret(canaries: World):
    canaries.shell.type("run", "--all")
    page, metrics = (str(canaries.shell.folder / name) for name in ("page.html", "qupersync.prom"))

    assert canaries.shell.type("report", "--html", page).code == 0
    canaries.shell.type("metrics", "--textfile", metrics)

    assert {Path(page).exists(), Path(metrics).exists()} == {True}
    assert holding(canaries) == []


def test_a_bug_tells_no_secret_though_its_text_holds_all(canaries: World):
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_BUG],
        cwd=canaries.shell.folder,
        env=canaries.shell.variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, "in broken" in done.stderr) == (70, True)
    assert holding(canaries, done.stdout, done.stderr) == []


def test_a_running_program_shows_no_secret_to_its_neighbours(canaries: World):
    temporary = canaries.shell.folder / "tmp"
    temporary.mkdir()
    canaries.shell.variables["TMPDIR"] = str(temporary)
    with psycopg.connect(canaries.target) as rival:
        rival.execute("LOCK TABLE items")
        process = canaries.shell.start("run", "items", "-q")
        while canaries.rows(LOCKED) == [(0,)] and process.poll() is None:
            pass
        command = Path(f"/proc/{process.pid}/cmdline").read_text()
        sessions = [session for (session,) in canaries.rows(SESSIONS)]
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert any("qupersync" in session for session in sessions)
    assert holding(canaries, command, *sessions, out, err) == []


@pytest.mark.parametrize("where", ["file", "table", "output"])
def test_a_canary_would_be_found(canaries: World, where: str):
    if where == "file":
        (canaries.shell.folder / "left").write_text("a canary-x")
    if where == "table":
        canaries.at_target("INSERT INTO items VALUES (7, 'a canary-x')")

    assert len(holding(canaries, "a canary-x" if where == "output" else "")) == 1
