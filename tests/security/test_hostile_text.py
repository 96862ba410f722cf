"""What servers and rows say can neither forge a log record nor move a terminal's cursor."""

import json

import pytest

from qupersync.infrastructure.redaction import MAX_CHARS
from tests.cli.shell import Done, World
from tests.security.hostile import NAUGHTY

FORGED = '\n{"level": "error", "event": "forged"}\n\r\x1b[2J\x1b]0;title\x07\x9b31m\u202e'
CLEAN = {"\n", "\t"}
SHOUT = """
CREATE FUNCTION shout() RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = '42P01', MESSAGE = convert_from('\\x{}', 'UTF8'); END $$
"""
JOBS = """\
version: 1
jobs:
  items:
    sql: SELECT id, shout() AS name FROM items
    target: public.items
    key: [id]
    mode: snapshot
"""
REJECTED = """\
version: 1
jobs:
  keys:
    sql: SELECT name, size FROM keys
    target: public.keys
    key: [name]
    mode: snapshot
    max_rejects: 100%
    columns: {name: {type: text, trim: false}, size: integer}
"""


def shouting(world: World, text: str) -> World:
    world.at_source(SHOUT.format(text.encode().hex()))
    world.shell.write_jobs(JOBS)
    return world


def is_harmless(done: Done) -> bool:
    return all(c.isprintable() or c in CLEAN for c in done.out + done.err)


def test_a_servers_error_cannot_forge_a_record(world: World):
    done = shouting(world, FORGED).shell.type("run", "items", QUPERSYNC_LOG_FORMAT="json")

    events = [json.loads(line)["event"] for line in done.err.splitlines() if line.startswith("{")]
    assert done.code == 1
    assert "run finished" in events
    assert "forged" not in events


@pytest.mark.parametrize("log", ["json", "text"])
def test_a_servers_error_moves_no_cursor(world: World, log: str):
    shell = shouting(world, FORGED).shell

    run = shell.type("run", "items", QUPERSYNC_LOG_FORMAT=log)

    assert r"\x1b[2J" in run.err + run.out or r"\u001b[2J" in run.err + run.out
    for words in (["status"], ["history"], ["plan"], ["report", "--html", "-"]):
        assert is_harmless(shell.type(*words)), words
    assert is_harmless(run)


def test_a_servers_endless_error_is_cut(world: World):
    shell = shouting(world, "x" * 200_000).shell

    done = shell.type("run", "items", QUPERSYNC_LOG_FORMAT="json")

    [record] = [r for r in done.records if r["event"] == "run finished"]
    assert len(record["error"]) < MAX_CHARS + 50
    assert record["error"].endswith("characters more)")


def test_rejected_keys_and_values_move_no_cursor(world: World):
    shell = world.shell
    world.at_source("CREATE TABLE keys (name text, size text)")
    world.at_target("CREATE TABLE keys (name text PRIMARY KEY, size int)")
    for text in [*NAUGHTY[::20], FORGED]:
        world.at_source(
            f"INSERT INTO keys VALUES (convert_from('\\x{text.encode().hex()}', 'UTF8'), 'x')"
        )
    shell.write_jobs(REJECTED)

    run = shell.type("run", "keys", QUPERSYNC_LOG_FORMAT="text")

    [(run_id,)] = world.rows("SELECT run_id::text FROM quper.sync_logs")
    assert world.rows("SELECT count(*) > 20 FROM quper.sync_rejects") == [(True,)], run.err
    for done in (run, shell.type("show", run_id), shell.type("show", run_id, "-o", "json")):
        assert is_harmless(done)
