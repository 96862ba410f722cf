"""`plan`: which jobs it shows, how it looks on and off a terminal, and its exit codes."""

import pytest

from tests.cli.shell import World

KEYS = [
    "job", "prospect", "error", "error_code", "next", "mode", "target", "key", "path",
    "path_reason", "held_by", "why", "window_low", "window_high", "pieces", "batch_rows",
    "estimated_rows", "notes", "sql", "merge",
]  # fmt: skip
WIDE_JOBS = """\
version: 1
jobs:
  logs:
    tags: [logs]
    sql: |
      SELECT id, name, -- a comment that is far too long for a terminal but must not be broken here
          at, 'a  text with,  blanks' AS note, upper(name) AS loud_name, lower(name) AS quiet_name
      FROM logs WHERE at >= :low AND at < :high
    target: public.logs
    key: [id]
    columns: {id: integer, name: text, at: timestamp, note: text, loud_name: text, quiet_name: text}
    watermark: {column: at, initial: 7d, overlap: 1h}
"""
LOGS = (
    "CREATE TABLE logs (id int PRIMARY KEY, name text, at timestamp, note text, loud_name text,"
    " quiet_name text)"
)
SPY = """
CREATE TABLE spied (); CREATE FUNCTION spy() RETURNS text LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.spied DEFAULT VALUES; RETURN '0'; END $$;
DROP TABLE quper.qupersync_version;
CREATE VIEW quper.qupersync_version AS SELECT spy() AS version_num
"""
VERSIONS = "SELECT xmin, s FROM quper.qupersync_state AS s ORDER BY job"


def test_a_bare_plan_is_of_all_jobs_and_one_that_would_fail_is_exit_1(world: World):
    done = world.shell.type("plan", "-o", "json")

    items, broken = done.document
    assert list(items) == list(broken) == KEYS
    assert (done.code, items["prospect"], broken["prospect"]) == (1, "load", "fail")
    assert (items["error"], items["sql"]) == (None, "SELECT id, name FROM items")
    assert (broken["error_code"], broken["merge"]) == ("query-failed", None)
    assert (
        broken["next"] == "try it with: qupersync plan broken; once it is repaired: qupersync retry"
    )


@pytest.mark.parametrize("words", [["items"], ["--tag", "things"]])
def test_jobs_are_chosen_by_name_or_tag(world: World, words: list[str]):
    done = world.shell.type("plan", *words, "-o", "json")

    assert (done.code, [plan["job"] for plan in done.document]) == (0, ["items"])


@pytest.mark.parametrize("words", [["itemz"], ["--tag", "x"], ["items", "--all"]])
def test_a_selection_that_makes_no_sense_is_exit_2(world: World, words: list[str]):
    done = world.shell.type("plan", *words)

    assert (done.code, done.out) == (2, "")


def test_off_a_terminal_a_plan_is_a_line_under_the_names_of_its_fields(world: World):
    names, plan = world.shell.type("plan", "items").out.splitlines()

    fields = dict(zip(names.split("\t"), plan.split("\t"), strict=True))
    assert list(fields) == KEYS
    assert (fields["pieces"], fields["key"], fields["path"]) == ("1", "id", "raw")
    assert fields["merge"].startswith(r"WITH ranked AS (\n")


def test_rows_are_counted_on_demand(world: World):
    [usual] = world.shell.type("plan", "items", "-o", "json").document
    [counted] = world.shell.type("plan", "items", "--estimate", "-o", "json").document

    assert (usual["estimated_rows"], counted["estimated_rows"]) == (None, 3)


def test_the_options_of_a_run_are_heeded(world: World):
    world.shell.write_jobs(WIDE_JOBS)
    world.at_source(LOGS)
    world.at_target(LOGS, "INSERT INTO logs VALUES (1)")

    refused = world.shell.type("plan", "-o", "json")
    allowed = world.shell.type("plan", "--from-initial", "--batch-size", "7", "-o", "json")

    assert (refused.code, refused.document[0]["error_code"]) == (1, "state-missing")
    assert (allowed.code, allowed.document[0]["batch_rows"]) == (0, 7)
    assert allowed.document[0]["why"].startswith("from initial, 7d")


def test_a_plan_leaves_the_state_alone(world: World):
    world.shell.type("run", "items", "-q")
    before = world.rows(VERSIONS)

    world.shell.type("plan", "--estimate")

    assert before != []
    assert world.rows(VERSIONS) == before
    assert world.rows("SELECT count(*) FROM quper.qupersync_leases") == [(1,)]


def test_whatever_a_plan_asks_the_target_cannot_write(world: World):
    world.at_target(SPY)

    done = world.shell.type("plan", "items")

    assert "read-only transaction" in done.err
    assert world.rows("SELECT FROM spied") == []


def test_without_the_source_it_is_exit_4_and_says_nothing(world: World):
    done = world.shell.type("plan", REDSHIFT_PORT="1")

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: Redshift at 127.0.0.1:1 is not reachable")


def test_without_the_schema_it_is_exit_5(world: World):
    world.at_target("DROP SCHEMA quper CASCADE")

    done = world.shell.type("plan", "items")

    assert (done.code, done.out) == (5, "")


def test_on_a_terminal_a_plan_is_a_block_that_fits(world: World):
    world.shell.write_jobs(WIDE_JOBS)
    world.at_source(LOGS)
    world.at_target(LOGS)

    shown = world.shell.on_a_terminal("plan", columns=80).splitlines()

    assert shown[0] == "logs: load"
    assert shown[1].startswith("  window    20")
    assert "  target    public.logs, key (id)" in shown
    assert [line for line in shown if len(line) > 80 and " -- " not in line] == []
    assert [line[-23:] for line in shown if " -- " in line] == ["must not be broken here"]
    assert any("'a  text with,  blanks' AS note," in line for line in shown)


def test_on_a_terminal_the_merge_is_shown_of_a_job_that_is_named(world: World):
    named = world.shell.on_a_terminal("plan", "items", columns=80).splitlines()
    tagged = world.shell.on_a_terminal("plan", "--tag", "things", columns=80).splitlines()

    assert named[named.index("  merge") + 1] == "    WITH ranked AS ("
    assert "  merge     to see it: qupersync plan items" in tagged
    assert [line for line in tagged if "WITH ranked" in line] == []


def test_on_a_terminal_an_error_comes_first_with_what_to_do(world: World):
    world.at_target("DROP TABLE items")

    shown = world.shell.on_a_terminal("plan", "items", columns=80).splitlines()

    assert shown[:3] == [
        "items: fail",
        "  error     public.items does not exist",
        "  next      qupersync db create items",
    ]
