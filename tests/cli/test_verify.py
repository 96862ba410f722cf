"""`verify`: what it writes, what it tells to type next, and its exit code."""

import re

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.cli.shell import World

JOBS = """\
version: 1
jobs:
  events:
    sql: SELECT * FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    watermark: {column: at, initial: 3d, overlap: 1h, lag: 0s}
  items:
    sql: SELECT id, name FROM items
    target: public.items
    key: [id]
    mode: snapshot
"""
EVENTS = "CREATE TABLE events (id int PRIMARY KEY, name text, size real, at timestamp)"
STRTOL = """
CREATE FUNCTION strtol(text, base int) RETURNS bigint LANGUAGE sql
  RETURN CASE base WHEN 16 THEN ('x' || lpad($1, 16, '0'))::bit(64)::bigint END
"""
ROWS = """
INSERT INTO events
SELECT n, 'n' || n, 0.1, date_trunc('hour', localtimestamp) - n * interval '6 hours'
  FROM generate_series(1, 10) AS n
"""
COLUMNS = ["job", "state", "windows", "rows", "holes", "differing"]
MOVED = (
    "UPDATE quper.qupersync_state SET watermark = to_char(localtimestamp + interval '{}',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') WHERE job = 'events'"
)


@pytest.fixture
def copied(world: World) -> World:
    """Ten events of sixty hours, and three items, all of them loaded."""
    world.shell.write_jobs(JOBS)
    for database in (world.source, world.target):
        name = Identifier(str(conninfo_to_dict(database)["dbname"]))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(SQL("ALTER DATABASE {} SET timezone = 'UTC'").format(name))
    world.at_source(EVENTS, STRTOL, ROWS)
    world.at_target(EVENTS)
    assert world.shell.type("run", "--all", "-q").code == 0
    return world


def fields(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def test_a_copy_that_is_whole_is_a_line_and_exit_0(copied: World):
    done = copied.shell.type("verify", "events")

    assert done.code == 0
    assert fields(done.out) == [COLUMNS, ["events", "ok", "3", "10", "0", "0"]]
    assert done.err == ("events: not compared, for both sides write them differently: size\n")


def test_a_damaged_copy_is_told_with_what_to_type_and_repaired_by_that(copied: World):
    copied.at_target("DELETE FROM events WHERE id = 1", "UPDATE events SET name = '' WHERE id = 9")

    done = copied.shell.type("verify", "events")
    again = copied.shell.type("verify", "events", "--repair")

    assert (done.code, fields(done.out)[1]) == (1, ["events", "differs", "3", "10", "0", "2"])
    _, summary, one, other = done.err.splitlines()
    assert summary == "events: 2 of 3 windows differ -> qupersync verify events --repair"
    assert one.endswith(": 4 rows at the source, 4 here")
    assert other.endswith(": 2 rows at the source, 1 here")
    assert (again.code, fields(again.out)[1]) == (0, ["events", "ok", "3", "10", "0", "0"])
    assert again.err.endswith("events: 2 windows were read again: 1 rows new, 1 changed\n")
    assert copied.rows("SELECT count(*), count(*) FILTER (WHERE name = '') FROM events") == [
        (10, 0)
    ]


def test_json_has_all_that_is_known(copied: World):
    copied.at_target("DELETE FROM events WHERE id = 1", MOVED.format("2 hours"))

    [events, items] = copied.shell.type("verify", "-o", "json").document

    assert (events["job"], events["state"], events["rows"]) == ("events", "differs", 10)
    [difference] = events["differences"]
    assert (difference["source"]["rows"], difference["target"]["rows"]) == (2, 1)
    assert difference["low"] < difference["high"] == events["compared"]["high"]
    [hole] = events["holes"]
    assert hole["is_lost"] is False
    assert (events["columns_left_out"], events["open_rejects"], events["repairs"]) == (
        ["size"], 0, [],
    )  # fmt: skip
    assert (items["state"], items["windows"], items["compared"]) == ("not verifiable", None, None)
    assert items["reason"] == "it is a snapshot, which reads everything in each run"


def test_json_tells_of_the_runs_of_a_repair(copied: World):
    copied.at_target("DELETE FROM events WHERE id = 1")

    [events] = copied.shell.type("verify", "events", "--repair", "-o", "json").document

    assert events["state"] == "ok"
    assert [(run["trigger"], run["status"], run["rows_inserted"]) for run in events["repairs"]] == [
        ("manual", "success", 0),
        ("verify", "success", 1),
    ]


def test_what_can_never_be_proved_is_a_failure_only_if_it_is_named(copied: World):
    every, named = copied.shell.type("verify"), copied.shell.type("verify", "items")

    assert (every.code, named.code) == (0, 1)
    assert fields(every.out)[2] == fields(named.out)[1]
    assert named.err == (
        "items: not verifiable: it is a snapshot, which reads everything in each run\n"
    )


def test_a_job_that_never_ran_is_a_failure(copied: World):
    copied.at_target("TRUNCATE quper.qupersync_state CASCADE")

    done = copied.shell.type("verify")

    assert done.code == 1
    assert "events: not verifiable: it never ran\n" in done.err


def test_a_row_that_is_gone_from_the_source_is_told_after_the_repair(copied: World):
    copied.at_source("DELETE FROM events WHERE id = 5")

    done = copied.shell.type("verify", "events", "--repair")

    assert done.code == 1
    assert "what is gone from the source stays here, also after a repair" in done.err


def test_rows_that_changed_after_the_last_run_are_told_as_a_cause(copied: World):
    copied.at_source("UPDATE events SET at = localtimestamp WHERE id = 5")

    first = copied.shell.type("verify", "events")
    repair = copied.shell.type("verify", "events", "--repair")

    assert (first.code, repair.code) == (1, 0)
    assert first.err.endswith(
        "events: 1 rows came or changed after the last run, which may be why -> "
        "qupersync run events, and then verify it again\n"
    )
    assert repair.err.endswith("events: it was run first: 0 rows new, 1 changed\n")


def test_a_hole_that_the_source_holds_no_longer_can_be_acknowledged(copied: World):
    copied.at_target(MOVED.format("12 hours"))
    copied.at_source("DELETE FROM events WHERE id > 1", "UPDATE events SET at = at + interval '1d'")

    first = copied.shell.type("verify", "events")
    repair = copied.shell.type("verify", "events", "--repair")
    acknowledged = copied.shell.type("watermark", "ack-gap", "events", "--yes")
    last = copied.shell.type("verify", "events")

    assert (first.code, repair.code, acknowledged.code) == (1, 1, 0)
    assert "the source holds it no longer -> qupersync verify events --repair" in first.err
    assert repair.err.endswith(
        "once you know what is missing: qupersync watermark ack-gap events\n"
    )
    assert "the source shows none of the rows that were loaded" in last.err


def test_it_works_where_nothing_can_be_written(copied: World):
    for database in (copied.source, copied.target):
        name = Identifier(str(conninfo_to_dict(database)["dbname"]))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name)
            )

    assert copied.shell.type("verify", "events").code == 0


def test_a_source_that_is_not_there_is_exit_4(copied: World):
    assert copied.shell.type("verify", REDSHIFT_PORT="1").code == 4


def test_a_job_that_nobody_knows_is_a_usage_error(copied: World):
    assert copied.shell.type("verify", "evnets").code == 2


def test_a_query_that_the_source_refuses_fails_its_job_alone(copied: World):
    copied.shell.write_jobs(JOBS.replace("FROM events WHERE", "FROM nowhere WHERE"))

    done = copied.shell.type("verify")

    assert done.code == 1
    assert [line[:2] for line in fields(done.out)[1:]] == [
        ["events", "not verifiable"], ["items", "not verifiable"],
    ]  # fmt: skip
    assert "events: not verifiable: Redshift answered: relation" in done.err


def test_on_a_terminal_it_is_a_table(copied: World):
    shown = copied.shell.on_a_terminal("verify", "events", columns=100)

    assert re.search(r"JOB.*STATE.*WINDOWS.*ROWS.*HOLES.*DIFFER", shown)
    assert "events  ok           3    10      0       0" in shown
