"""`rejects`: rows that could not be loaded are listed, shown, discarded and loaded again."""

import json
from typing import Any

import pytest

from tests.cli.shell import JOBS, World, seen

CHECK = "ALTER TABLE items ADD CONSTRAINT short CHECK (length(name) < 5)"
REPAIR = "ALTER TABLE items DROP CONSTRAINT short"
HOSTILE = "\x1b[2Jtoo\tlong"
KEYS = [
    "reject_id", "job", "key", "column_name", "reason", "sqlstate", "times_seen", "rejected_at",
    "resolution", "resolved_at", "run_id",
]  # fmt: skip
OLD = "UPDATE quper.sync_rejects SET payload_format = 'datarow-v1' WHERE reject_id = {}"


@pytest.fixture
def refused(world: World) -> World:
    """Of the five rows of items two are set aside, with the ids 1 and 2."""
    world.at_target(CHECK)
    world.at_source(f"INSERT INTO items VALUES (4, E'{HOSTILE}'), (5, 'longer')")
    assert world.shell.type("run", "items", "-q").code == 0
    return world


def listed(world: World, *words: str) -> list[dict[str, Any]]:
    done = world.shell.type("rejects", "list", *words, "-o", "json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = done.document
    return found


def replayed(world: World, *words: str) -> dict[str, Any]:
    done = world.shell.type("rejects", "replay", *words, "-o", "json")
    [run] = done.document["runs"]
    assert isinstance(run, dict)
    return run


def test_open_rejects_are_listed_the_newest_first_without_their_rows(refused: World):
    newest, oldest = listed(refused)

    assert list(newest) == KEYS
    assert (newest["reject_id"], oldest["reject_id"], newest["key"]) == (2, 1, '["5"]')
    assert (newest["reason"], newest["sqlstate"], newest["times_seen"]) == ("check", "23514", 1)
    assert "longer" not in json.dumps(newest)


def test_those_that_are_resolved_are_listed_only_if_asked_for(refused: World):
    assert refused.shell.type("rejects", "discard", "1", "--yes").out == "1 row discarded\n"

    assert [reject["reject_id"] for reject in listed(refused, "items")] == [2]
    assert [reject["resolution"] for reject in listed(refused, "--all")] == [None, "discarded"]


def test_a_job_without_rejects_has_none_and_one_that_is_unknown_is_exit_2(refused: World):
    assert listed(refused, "broken") == []
    assert refused.shell.type("rejects", "list", "itemz").code == 2


def test_the_rejects_of_a_job_that_left_the_file_are_still_listed(refused: World):
    refused.shell.write_jobs(JOBS.replace("items:", "goods:", 1))

    assert len(listed(refused, "items")) == len(listed(refused)) == 2


def test_another_sources_rejects_are_not_told(refused: World):
    refused.shell.variables["QUPERSYNC_SOURCE"] = "other"

    assert listed(refused) == []
    assert refused.shell.type("rejects", "show", "1").code == 2


@pytest.mark.parametrize("columns", [80, 200])
def test_on_a_terminal_the_list_says_what_to_type_next(refused: World, columns: int):
    words = ("rejects", "list", "--limit", "1")
    shown = seen(refused.shell.on_a_terminal(*words, columns=columns), columns)

    assert shown[0].split() == ["ID", "JOB", "KEY", "REASON", "COLUMN", "SEEN", "SINCE"]
    assert shown[-2:] == [
        "these are the newest 1; 2 are open -> --limit",
        "items: once it is repaired -> qupersync rejects replay items",
    ]


def test_one_reject_is_shown_with_all_of_its_row(refused: World):
    [(size, digest, form, run)] = refused.rows(
        "SELECT octet_length(payload), encode(payload_sha256, 'hex'), payload_format, run_id::text"
        " FROM quper.sync_rejects WHERE reject_id = 1"
    )

    shown = refused.shell.type("rejects", "show", "1", "-o", "json").document

    assert shown["row"] == {"id": "4", "name": HOSTILE}
    assert (shown["payload_bytes"], shown["payload_sha256"]) == (size, digest)
    assert (shown["payload_format"], shown["run_id"]) == (form, run)
    assert shown["next"] == (
        "repair the table or the job, then: qupersync rejects replay 1;"
        " if nobody needs it: qupersync rejects discard 1"
    )


def test_what_a_row_holds_cannot_move_the_cursor(refused: World):
    on_terminal = refused.shell.on_a_terminal("rejects", "show", "1", columns=80)
    elsewhere = refused.shell.type("rejects", "show", "1").out

    assert "\x1b[2J" not in on_terminal + elsewhere
    lines = on_terminal.splitlines()
    assert lines[0] == "reject 1 of items: open"
    assert "  name  \\x1b[2Jtoo\\tlong" in lines
    assert "  reason       check (SQLSTATE 23514)" in lines


def test_a_reject_that_is_not_there_is_exit_2(refused: World):
    for number in ("3", "9" * 30):
        done = refused.shell.type("rejects", "show", number)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"error: no reject {number} -> qupersync rejects list --all\n"


def test_rejects_are_replayed_in_a_linked_run_once_the_table_is_repaired(refused: World):
    [(past,)] = refused.rows("SELECT run_id::text FROM quper.sync_logs")
    refused.at_target(REPAIR)

    run = replayed(refused, "items")

    assert (run["trigger"], run["status"], run["replay_of"]) == ("replay", "success", past)
    assert (run["rows_extracted"], run["rows_inserted"]) == (2, 2)
    assert listed(refused) == []
    assert refused.rows("SELECT name FROM items WHERE id > 3 ORDER BY id") == [
        (HOSTILE,),
        ("longer",),
    ]
    [repeat] = refused.shell.type("show", past, "-o", "json").document["replayed_by"]
    assert (repeat["run_id"], repeat["is_of_rejects"]) == (run["run_id"], True)


def test_redshift_is_not_needed_to_replay(refused: World):
    refused.at_target(REPAIR)
    refused.shell.variables["REDSHIFT_PORT"] = "1"

    assert replayed(refused, "--all")["rows_inserted"] == 2


def test_a_row_that_is_refused_again_is_told_as_rejected(refused: World):
    done = refused.shell.type("rejects", "replay", "2", QUPERSYNC_LOG_FORMAT="text")

    assert done.code == 0
    assert done.err.endswith(": 1 read: 1 rejected\n")
    assert [reject["times_seen"] for reject in listed(refused)] == [2, 1]
    on_a_terminal = seen(refused.shell.on_a_terminal("rejects", "replay", "2", columns=80), 80)
    assert on_a_terminal[-1] == "next: qupersync rejects list items"


def test_nothing_to_replay_is_said(refused: World):
    refused.shell.type("rejects", "discard", "items", "--all", "--yes")

    done = refused.shell.type("rejects", "replay", "items")

    told = ["nothing to replay: no reject is open", "next: qupersync status"]
    assert (done.code, done.err) == (0, f"{told[0]}\n")
    shown = refused.shell.on_a_terminal("rejects", "replay", "items", columns=80)
    assert seen(shown, 80) == told


def test_a_replay_that_failed_says_how_to_try_again(refused: World):
    refused.at_target("ALTER TABLE items RENAME TO gone")

    run = replayed(refused, "items")

    assert (run["status"], run["error_code"]) == ("failed", "target-mismatch")
    again = refused.shell.type("show", run["run_id"], "-o", "json").document["again"]
    assert again == "qupersync rejects replay items"


def test_a_row_of_an_older_version_is_left_out_and_says_what_reads_it_again(refused: World):
    refused.at_target(REPAIR, OLD.format(1))
    why = "1 row of job items were set aside by a version that did not keep their columns"

    by_id = refused.shell.type("rejects", "replay", "1")
    of_job = refused.shell.type("rejects", "replay", "items", QUPERSYNC_LOG_FORMAT="text")
    alone = refused.shell.type("rejects", "replay", "items")

    assert (by_id.code, of_job.code, alone.code) == (2, 0, 2)
    assert by_id.err == alone.err == f"error: {why} -> read them again: qupersync run items\n"
    assert of_job.err.startswith(f"{why} -> qupersync run items\n")
    assert [reject["reject_id"] for reject in listed(refused)] == [1]


def test_a_reject_whose_job_left_the_file_says_so(refused: World):
    refused.shell.write_jobs(JOBS.replace("items:", "goods:", 1))

    done = refused.shell.type("rejects", "replay", "1")

    assert done.code == 2
    assert done.err == (
        "error: reject 1 is of job items, which is not in the jobs file"
        " -> put the job back, or: qupersync rejects discard 1\n"
    )
    of_job = refused.shell.type("rejects", "replay", "items")
    assert of_job.code == 2
    assert of_job.err == (
        "error: job items is not in the jobs file, though it left rejects"
        " -> put the job back, or: qupersync rejects discard items --all\n"
    )
    assert refused.shell.type("rejects", "discard", "items", "--all", "--yes").code == 0


def test_a_discarded_row_of_a_snapshot_is_not_loaded_over_a_newer_one(refused: World):
    refused.shell.type("rejects", "discard", "1", "--yes")
    refused.at_source("UPDATE items SET name = 'new' WHERE id = 4")
    refused.shell.type("run", "items", "-q")
    refused.at_target(REPAIR)

    again = refused.shell.type("rejects", "replay", "1")

    assert again.code == 2
    assert again.err == (
        "error: reject 1 is discarded: nobody knows whether its key was loaded since"
        " -> read it again: qupersync run items\n"
    )


def test_what_is_resolved_is_not_resolved_again(refused: World):
    refused.at_target(REPAIR)
    replayed(refused, "1")

    again = refused.shell.type("rejects", "replay", "1")
    discard = refused.shell.type("rejects", "discard", "1", "--yes")

    assert (again.code, discard.code) == (2, 2)
    assert again.err.startswith("error: reject 1 is replayed already: its key is loaded")
    assert discard.err.startswith("error: reject 1 is replayed already")


def test_a_held_job_is_exit_7(refused: World):
    refused.at_target(
        "UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(),"
        " lease_expires_at = clock_timestamp() + interval '1 hour'"
    )

    assert refused.shell.type("rejects", "replay", "items").code == 7


@pytest.mark.parametrize(
    "words",
    [
        ("replay",),
        ("replay", "1", "items"),
        ("replay", "1", "--all"),
        ("discard",),
        ("discard", "--all"),
        ("discard", "items", "--yes"),
        ("discard", "77", "--yes"),
        ("replay", "77"),
        ("replay", "itemz"),
    ],
)
def test_what_names_no_reject_is_exit_2_and_changes_nothing(refused: World, words: tuple[str, ...]):
    assert refused.shell.type("rejects", *words).code == 2
    assert len(listed(refused)) == 2


def test_without_a_terminal_a_discard_wants_to_be_sure(refused: World):
    done = refused.shell.type("rejects", "discard", "items", "--all")

    assert (done.code, len(listed(refused))) == (2, 2)
    assert done.err == (
        "error: nobody is there to be asked -> qupersync rejects discard items --all --yes\n"
    )
