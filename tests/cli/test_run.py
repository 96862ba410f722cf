"""`qupersync run`: what it writes where, and its exit code, on real servers."""

import json
import signal
from datetime import UTC, datetime
from uuid import UUID

import pytest

from qupersync.demo.faults import AfterRows, AtSql, Delay, Fault
from tests.cli.shell import Done, World

ASKED = """
SELECT 1 FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE 'qupersync%'
   AND query LIKE '%lease_owner%'
"""
HOLD = """
INSERT INTO quper.qupersync_state (source, job, target_table)
VALUES ('default', 'items', 'public.items');
INSERT INTO quper.qupersync_leases
  (source, job, fence, lease_owner, lease_acquired_at, lease_expires_at)
VALUES ('default', 'items', 1, gen_random_uuid(), now(), now() + interval '1 hour')
"""
INCREMENTAL = """\
version: 1
jobs:
  events:
    sql: SELECT id, at FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    columns: {id: integer, at: timestamp}
    watermark: {column: at, initial: 1d, overlap: 0s}
"""
EVENTS = "CREATE TABLE events (id int PRIMARY KEY, at timestamp)"
RUNS = "SELECT sync_job_id, status, error_code FROM quper.sync_logs ORDER BY started_at"
SYNC_LOGS = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = 'quper' AND table_name = 'sync_logs'"
)


def test_a_quiet_success_says_nothing_and_loads_the_rows(world: World):
    assert world.shell.type("run", "items", "-q") == Done(code=0, out="", err="")
    assert world.rows("SELECT id, name FROM items ORDER BY id") == [(1, "a"), (2, "b"), (3, "c")]


def test_a_run_off_a_terminal_is_one_record_with_all_that_the_log_table_keeps(world: World):
    done = world.shell.execute("run", "items")

    [record] = done.records
    columns = {name for (name,) in world.rows(SYNC_LOGS)} - {"sync_job_id"}
    assert (done.code, done.out, done.err.count("\n")) == (0, "", 1)
    assert record.keys() == columns | {
        "job", "lateness", "next", "event", "level", "logger", "timestamp",
    }  # fmt: skip
    assert (record["event"], record["job"], record["rows_inserted"], record["trigger"]) == (
        "run finished", "items", 3, "cron",
    )  # fmt: skip
    assert world.rows("SELECT run_id FROM quper.sync_logs") == [(UUID(record["run_id"]),)]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_failed_job_is_exit_1_and_stops_no_other(world: World, threads: str):
    done = world.shell.type("run", "--all", "--jobs", threads)

    assert done.code == 1
    assert {record["job"]: record["status"] for record in done.records} == {
        "items": "success",
        "broken": "failed",
    }
    assert world.rows("SELECT count(*) FROM items") == [(3,)]


def test_quiet_still_tells_of_failures(world: World):
    done = world.shell.type("run", "--all", "-q")

    [record] = done.records
    assert (done.code, done.out, record["job"], record["error_code"]) == (
        1, "", "broken", "query-failed",
    )  # fmt: skip
    assert 'column "nothing" does not exist' in record["error"]
    assert (
        record["next"] == "try it with: qupersync plan broken; once it is repaired: qupersync retry"
    )


def test_at_a_terminal_a_good_run_leads_to_the_status_and_a_failure_to_its_remedy(world: World):
    good = world.shell.on_a_terminal("run", "items", columns=80)
    bad = world.shell.on_a_terminal("run", "broken", columns=80)

    assert good.endswith("\nnext: qupersync status\n")
    assert "next:" not in bad


def test_what_to_do_next_names_the_job(world: World):
    world.at_target("ALTER TABLE items DROP name")

    record, line = (
        world.shell.type("run", "items", QUPERSYNC_LOG_FORMAT=shape).err
        for shape in ("json", "text")
    )

    hint = "alter the table or the job, or make a new table with: qupersync db create items"
    assert json.loads(record)["next"] == hint
    assert line.startswith("failed   items in ")
    assert line.endswith(f" -> {hint}\n")


def test_a_short_password_leaves_the_words_of_a_record_whole(world: World):
    world.shell.variables["AWS_SESSION_TOKEN"] = "e"  # noqa: S105 - the shortest there is

    [record] = world.shell.type("run", "items", "--trigger", "cron").records

    assert (record["job"], record["status"], record["source"]) == ("items", "success", "default")
    assert world.rows("SELECT run_id, host FROM quper.sync_logs") == [
        (UUID(record["run_id"]), record["host"])
    ]
    assert datetime.fromisoformat(record["started_at"]).tzinfo == UTC


def test_fail_fast_begins_no_job_after_a_failure(world: World):
    text = (world.shell.folder / "jobs.yaml").read_text()
    head, _, tail = text.partition("  items:")
    items, _, broken = tail.partition("  broken:")
    world.shell.write_jobs(f"{head}  broken:{broken}  items:{items}")

    done = world.shell.type("run", "--all", "--fail-fast")

    assert (done.code, [record["job"] for record in done.records]) == (1, ["broken"])


def test_the_json_summary_is_one_document_on_stdout(world: World):
    done = world.shell.type("run", "--all", "-o", "json", "-q", "--trigger", "manual")

    document = done.document
    items, broken = document.pop("runs")
    assert document == {"exit_code": 1, "signal": None, "errors": []}
    assert (items["job"], items["rows_extracted"], items["trigger"]) == ("items", 3, "manual")
    assert (broken["status"], broken["completed_at"][-1]) == ("failed", "Z")


def test_a_second_run_reports_each_row_as_unchanged(world: World):
    world.shell.type("run", "items", "-q")

    done = world.shell.type("run", "--tag", "things", "-o", "json")

    [run] = done.document["runs"]
    counts = [run[f"rows_{kind}"] for kind in ("inserted", "updated", "unchanged")]
    assert counts == [0, 0, 3]


def test_the_batch_size_and_the_start_can_be_given_for_one_run(world: World):
    world.shell.write_jobs(INCREMENTAL)
    world.at_target(EVENTS)
    world.at_source(
        EVENTS,
        "INSERT INTO events SELECT i, now() - i * interval '1 hour'"
        " FROM generate_series(1, 3) AS i",
    )
    words = ["run", "events", "-o", "json"]

    [first] = world.shell.type(*words, "--batch-size", "1").document["runs"]
    [second] = world.shell.type(*words).document["runs"]
    [third] = world.shell.type(*words, "--from-initial").document["runs"]

    assert [run["rows_extracted"] for run in (first, second, third)] == [3, 0, 3]
    assert (first["batches"], third["batches"]) == (3, 1)


def test_a_named_job_that_another_run_holds_is_exit_7(world: World):
    world.at_target(HOLD)

    done = world.shell.type("run", "items", "-q")

    assert (done.code, done.out) == (7, "")
    assert done.err.startswith("error: job items is held by run ")
    assert done.err.endswith(" UTC -> qupersync status items\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--tag", "things"], 0),
        (["items", "--if-locked", "skip"], 0),
        (["--tag", "things", "--if-locked", "fail"], 7),
    ],
)
def test_a_job_that_another_run_holds_is_skipped_or_a_failure(
    world: World, words: list[str], code: int
):
    world.at_target(HOLD)

    assert world.shell.type("run", *words, "-q").code == code
    assert world.rows("SELECT count(*) FROM items") == [(0,)]


def test_a_held_job_is_waited_for_until_it_is_free(world: World):
    world.at_target(HOLD)
    with world.shell.start("run", "items", "--if-locked", "wait", "-q") as process:
        while not world.rows(ASKED):
            assert process.poll() is None, "it did not wait"

        world.at_target("UPDATE quper.qupersync_leases SET lease_owner = NULL")

    assert process.returncode == 0
    assert world.rows("SELECT count(*) FROM items") == [(3,)]


def test_snapshot_deletes_need_the_word_for_a_named_job(world: World):
    world.shell.type("run", "items", "-q")
    world.at_source("DELETE FROM items WHERE id > 1")

    refused = world.shell.type("run", "items", "-q", QUPERSYNC_LOG_FORMAT="text")
    allowed = world.shell.type("run", "items", "-q", "--allow-deletes")

    assert (refused.code, allowed.code) == (1, 0)
    assert world.rows("SELECT id FROM items") == [(1,)]


def test_a_target_without_the_schema_is_exit_5_with_the_command_that_repairs_it(world: World):
    world.at_target("DROP SCHEMA quper CASCADE")

    done = world.shell.type("run", "--all")

    assert done == Done(
        code=5,
        out="",
        err="error: the target's schema is at revision none, this version needs 0003"
        " -> qupersync db upgrade\n",
    )


def test_a_wrong_password_is_exit_6_and_recorded_for_each_job_without_the_password(world: World):
    world.shell.variables["REDSHIFT_PASSWORD"] = "hunter-two"  # noqa: S105 - not anybody's

    done = world.shell.execute("run", "--all")

    assert (done.code, done.out) == (6, "")
    assert world.rows(RUNS) == [
        ("items", "failed", "login-refused"),
        ("broken", "failed", "login-refused"),
    ]
    assert "hunter-two" not in done.err


def test_a_source_that_is_not_there_is_exit_4_and_recorded_for_each_job(world: World):
    world.shell.variables["REDSHIFT_PORT"] = "1"

    done = world.shell.execute("run", "--all")

    host = world.shell.variables["REDSHIFT_HOST"]
    assert f"Redshift at {host}:1 is not reachable: " in done.records[0]["error"]
    assert (done.code, done.out) == (4, "")
    assert world.rows(RUNS) == [
        ("items", "dead", "source-unavailable"),
        ("broken", "dead", "source-unavailable"),
    ]


def test_weak_tls_towards_another_machine_is_a_warning_of_each_run(world: World):
    world.shell.variables |= {"REDSHIFT_HOST": "redshift.invalid"}

    first = world.shell.type("run", "items").records[0]

    assert (first["level"], first["event"]) == ("warning", "weak TLS")
    assert first["warning"].startswith("REDSHIFT_SSLMODE=disable does not prove who answers")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order(world: World, number: signal.Signals, code: int):
    # The first three rows of each connection are the known bytes, the next is the job's clock.
    fault = world.stand_in.faults.arm(Fault(when=AfterRows(4), what=Delay()))
    process = world.shell.start("run", "--all")
    assert fault.reached.wait(timeout=30)

    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (code, "")
    assert err.splitlines()[-1] == f"stopped by {number.name}; what was committed stays"
    assert world.rows(RUNS) == [("items", "canceled", "stopped")]
    assert world.rows(
        "SELECT count(*) FROM quper.qupersync_leases WHERE lease_owner IS NOT NULL"
    ) == [(0,)]


def test_an_interrupt_before_anything_ran_is_exit_130_without_a_traceback(world: World):
    fault = world.stand_in.faults.arm(Fault(when=AtSql("SET timezone"), what=Delay()))
    process = world.shell.start("run", "--all")
    assert fault.reached.wait(timeout=30)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
