"""`show`: one past run, found by the beginning of its id, with all that belongs to it."""

import re
from typing import Any

import pytest

from qupersync.demo.faults import AtSql, Cut, Fault
from tests.cli.shell import World, seen

EVENTS = """\
version: 1
jobs:
  events:
    sql: SELECT id, at FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    max_rejects: 9
    watermark: {column: at, initial: 3d, overlap: 1h, chunk: 1d}
"""
ROWS = """
INSERT INTO events SELECT i, localtimestamp - i * interval '1 hour' - interval '90 min'
  FROM generate_series(0, 47) AS i
"""
REFUSED = "INSERT INTO items SELECT i, repeat('x', 9) FROM generate_series(4, 8) AS i"
KEYS = [
    "run_id", "source", "job", "trigger", "status", "started_at", "completed_at", "duration_ms",
    "window_low", "window_high", "watermark_before", "watermark_after", "rows_extracted",
    "rows_upserted", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deduplicated",
    "rows_skipped", "rows_deleted", "batches", "attempts", "error", "error_code", "retryable",
    "replay_of", "correlation_id", "warnings", "rows_late", "late_max_ms", "host", "pid",
    "version", "attempts_made", "pieces", "rejects", "replayed_by", "next", "again",
]  # fmt: skip
TWINS = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at, completed_at,
                             correlation_id, host, pid, version)
SELECT ('abcd' || i || '000-0000-4000-8000-000000000000')::uuid, 'default', 'items', 'cron',
       'success', now(), now(), gen_random_uuid(), 'h', 1, '1' FROM generate_series(1, 2) AS i
"""


@pytest.fixture
def events(world: World) -> World:
    """The job events has two days to read, a day at a time."""
    table = "CREATE TABLE events (id int PRIMARY KEY, at timestamp)"
    world.shell.write_jobs(EVENTS)
    world.at_source(table, ROWS)
    world.at_target(table)
    return world


def ran(world: World, *words: str, **variables: str) -> dict[str, Any]:
    """Run the jobs and return what became of the first."""
    first: dict[str, Any]
    first, *_ = world.shell.type("run", *words, "-o", "json", **variables).document["runs"]
    return first


def test_a_run_is_shown_with_all_that_the_log_knows(world: World):
    run = ran(world, "items")

    done = world.shell.type("show", run["run_id"], "-o", "json")

    assert (done.code, list(done.document)) == (0, KEYS)
    told = {name: value for name, value in run.items() if name not in {"lateness", "next"}}
    assert told.items() <= done.document.items()
    [attempt] = done.document["attempts_made"]
    [piece] = done.document["pieces"]
    assert (attempt["attempt"], attempt["status"]) == (1, "success")
    assert (piece["rows_inserted"], piece["batches"], piece["is_complete"]) == (3, 1, True)


def test_the_attempts_of_a_run_are_shown_with_the_waits_between_them(world: World):
    world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=Cut()))

    run = ran(world, "items")
    shown = world.shell.on_a_terminal("show", run["run_id"], columns=200)

    assert (run["status"], run["attempts"]) == ("success", 2)
    first, second = world.shell.type("show", run["run_id"], "-o", "json").document["attempts_made"]
    assert (first["status"], first["error_code"]) == ("failed", "source-unavailable")
    assert (second["status"], second["backoff_ms"]) == ("success", None)
    told = r"attempts +1 source-unavailable(, then [0-9.]+ m?s of waiting)?; 2 success"
    waited = re.search(told, shown)
    assert waited, shown
    assert bool(waited[1]) == bool(first["backoff_ms"])


def test_without_retries_a_run_has_one_attempt(world: World):
    world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=Cut()))

    run = ran(world, "items", SYNC_RETRIES="0")

    assert (run["status"], run["attempts"]) == ("dead", 1)


@pytest.mark.parametrize("length", [4, 8, 9, 13, 36])
@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_the_beginning_of_an_id_is_enough(world: World, length: int, spelled):
    run_id = ran(world, "items")["run_id"]

    done = world.shell.type("show", spelled(run_id[:length]), "-o", "json")

    assert (done.code, done.document["run_id"]) == (0, run_id)


@pytest.mark.parametrize("text", ["abc", "", "itemz", "%%%%", "ab-c", "0" * 33])
def test_what_is_no_beginning_of_an_id_is_wrong_usage(world: World, text: str):
    done = world.shell.type("show", text)

    assert (done.code, done.out) == (2, "")
    assert "expected a run's id, or at least its first 4 characters" in " ".join(done.err.split())


def test_an_id_that_no_run_has_is_exit_2(world: World):
    done = world.shell.type("show", "abcd")

    assert (done.code, done.out) == (2, "")
    assert done.err == "error: no run's id begins with abcd -> qupersync history\n"


def test_a_beginning_that_several_ids_have_is_exit_2_and_names_them(world: World):
    world.at_target(TWINS)

    both, one = world.shell.type("show", "abcd"), world.shell.type("show", "abcd1")

    assert (both.code, both.out, one.code) == (2, "", 0)
    first, second = (f"abcd{i}000-0000-4000-8000-000000000000" for i in (1, 2))
    assert both.err == (
        f"error: the ids of several runs begin with abcd: {first} (items, success),"
        f" {second} (items, success) -> qupersync show {first}\n"
    )


def test_another_sources_run_is_not_shown(world: World):
    run = ran(world, "items")

    assert world.shell.type("show", run["run_id"], QUPERSYNC_SOURCE="other").code == 2


def test_batches_are_summed_up_by_piece_oldest_first(events: World):
    run = ran(events, "events", "--batch-size", "10")

    pieces = events.shell.type("show", run["run_id"], "-o", "json").document["pieces"]

    assert pieces[0]["window_low"] == run["window_low"]
    assert pieces[-1]["window_high"] == run["window_high"]
    assert [piece["window_high"] for piece in pieces[:-1]] == [
        piece["window_low"] for piece in pieces[1:]
    ]
    assert sum(piece["rows_extracted"] for piece in pieces) == run["rows_extracted"]
    assert sum(piece["batches"] for piece in pieces) == run["batches"]
    assert run["batches"] > len(pieces)
    assert pieces[-1]["watermark"] == run["watermark_after"]
    assert {piece["is_complete"] for piece in pieces} == {True}


def test_rejects_are_counted_by_reason_and_column_without_their_values(world: World):
    jobs = (world.shell.folder / "jobs.yaml").read_text()
    world.shell.write_jobs(jobs.replace("mode: snapshot", "mode: snapshot\n    max_rejects: 9", 1))
    world.at_target("ALTER TABLE items ALTER name TYPE varchar(5)")
    world.at_source(REFUSED)
    run_id = ran(world, "items")["run_id"]
    world.at_target("UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded'"
                    " WHERE reject_id = 2")  # fmt: skip

    [reject] = world.shell.type("show", run_id, "-o", "json").document["rejects"]
    shown = world.shell.on_a_terminal("show", run_id, columns=80)

    assert (reject["column_name"], reject["rows"], reject["open"]) == ("name", 5, 4)
    assert reject["reject_ids"] == [1, 2, 3]
    assert f"5 {reject['reason']} in name, 4 open: reject_id 1, 2, 3, ..." in shown
    assert "xxxxxxxxx" not in shown


def test_a_failed_run_says_why_and_what_to_type(world: World):
    run_id = ran(world, "broken")["run_id"]

    record = world.shell.type("show", run_id, "-o", "json").document
    shown = world.shell.on_a_terminal("show", run_id[:8], columns=80).splitlines()

    assert (
        record["next"] == "try it with: qupersync plan broken; once it is repaired: qupersync retry"
    )
    assert record["again"] == f"qupersync retry {run_id}"
    assert shown[0] == "broken: failed"
    assert shown[1].startswith("  error        Redshift answered: column ")
    assert f"  again        qupersync retry {run_id}" in shown
    assert [line for line in shown if len(line) > 80] == []


def test_a_run_that_was_repeated_names_the_run_that_did_it(events: World):
    run_id = ran(events, "events")["run_id"]
    before = events.shell.type("show", run_id, "-o", "json").document
    [repeat] = events.shell.type("replay", run_id, "-o", "json").document["runs"]

    after = events.shell.type("show", run_id, "-o", "json").document
    of_repeat = events.shell.type("show", repeat["run_id"], "-o", "json").document

    assert (before["replayed_by"], before["again"]) == ([], f"qupersync replay {run_id}")
    assert [each["run_id"] for each in after["replayed_by"]] == [repeat["run_id"]]
    assert (after["again"], of_repeat["replay_of"]) == (None, run_id)


def test_a_snapshot_that_succeeded_needs_no_repeat(world: World):
    run_id = ran(world, "items")["run_id"]

    assert world.shell.type("show", run_id, "-o", "json").document["again"] is None


def test_a_run_whose_ledger_was_pruned_is_still_shown(world: World):
    run_id = ran(world, "items")["run_id"]
    world.at_target("DELETE FROM quper.sync_batches")

    assert world.shell.type("show", run_id, "-o", "json").document["pieces"] == []
    shown = world.shell.on_a_terminal("show", run_id, columns=80)
    assert "  batches      1, no longer in the ledger\n" in shown


@pytest.mark.parametrize("columns", [80, 200])
def test_on_a_terminal_a_run_is_a_block_with_its_pieces_below(events: World, columns: int):
    run_id = ran(events, "events")["run_id"]

    shown = seen(events.shell.on_a_terminal("show", run_id, columns=columns), columns)

    assert (shown[0], f"  read again   qupersync replay {run_id}" in shown) == (
        "events: success",
        True,
    )
    assert "  rows         48 read: 48 new" in shown
    titles, *pieces = shown[shown.index("") + 1 :]
    assert titles.split()[:2] == ["FROM", "TO"] if columns == 200 else ["FROM", "BATCHES"]
    assert len(pieces) == 3


def test_off_a_terminal_it_is_a_line_under_the_names_of_its_fields(events: World):
    run_id = ran(events, "events")["run_id"]

    names, values = events.shell.type("show", run_id).out.splitlines()

    assert names.split("\t") == KEYS
    assert dict(zip(KEYS, values.split("\t"), strict=True))["run_id"] == run_id
