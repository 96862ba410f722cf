"""`watermark`: what is remembered of a job, and how people change it."""

import json
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.cli.shell import Done, World

JOBS = """\
version: 1
jobs:
  items:
    sql: SELECT id, name, changed FROM items WHERE changed >= :low AND changed < :high
    target: public.items
    key: [id]
    watermark: {column: changed, initial: 7d, overlap: 1h, lag: 0s}
  numbers:
    sql: SELECT id, changed FROM numbers WHERE changed >= :low
    target: public.numbers
    key: [id]
    watermark: {column: changed, initial: 0, overlap: 10}
  days:
    sql: SELECT id, changed FROM days WHERE changed >= :low AND changed < :high
    target: public.days
    key: [id]
    watermark: {column: changed, initial: 7d, overlap: 1d}
  mirror:
    sql: SELECT id FROM items
    target: public.mirror
    key: [id]
    mode: snapshot
"""
STATE = (
    "SELECT watermark, watermark_type, details ->> 'watermark_column', target_table"
    " FROM quper.qupersync_state WHERE job = '{}'"
)
GAPS = """
UPDATE quper.qupersync_state SET details = details || jsonb_build_object('gaps',
  coalesce(details -> 'gaps', '[]') || '[{"low": "%s", "high": "%s", "run_id": "x"}]'::jsonb)
"""
HELD = """
UPDATE quper.qupersync_leases
   SET lease_owner = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'
"""
IS_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def jobs(world: World) -> World:
    """The source has rows of 3, 2 and 1 days ago, and of 1 hour ago."""
    world.shell.write_jobs(JOBS)
    at = "date_trunc('second', now() AT TIME ZONE 'UTC') - interval '1 hour'"
    world.at_source(
        "ALTER TABLE items ADD changed timestamp",
        f"UPDATE items SET changed = {at} - (4 - id) * interval '1 day'",
        f"INSERT INTO items VALUES (4, 'd', {at})",
        "DROP FUNCTION getdate",
        "CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql"
        " AS $$ SELECT now() AT TIME ZONE 'UTC' $$",
    )
    world.at_target(
        "ALTER TABLE items ADD changed timestamp",
        "CREATE TABLE numbers (id int PRIMARY KEY, changed bigint)",
        "CREATE TABLE days (id int PRIMARY KEY, changed date)",
        "CREATE TABLE mirror (id int PRIMARY KEY)",
    )
    return world


def watermark(world: World, *words: str, **variables: str) -> Done:
    return world.shell.type("watermark", *words, **variables)


def known(world: World, job: str) -> dict[str, Any]:
    """What `watermark show` tells programs of a job."""
    [record] = watermark(world, "show", job, "-o", "json").document
    return dict(record)


def ids(world: World) -> list[int]:
    return [row[0] for row in world.rows("SELECT id FROM items ORDER BY id")]


@contextmanager
def asked(world: World, *words: str) -> Iterator[Callable[[str], tuple[int, str]]]:
    """Type a command on a terminal and wait for its question; what is yielded answers it."""
    ours, theirs = pty.openpty()
    process = world.shell.start("watermark", *words, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 65_536)

    def answer(text: str) -> tuple[int, str]:
        os.write(ours, f"{text}\n".encode())
        said = shown
        try:
            while chunk := os.read(ours, 65_536):
                said += chunk
        except OSError:  # Linux says so when the last writer is gone
            pass
        return process.wait(timeout=60), said.decode().replace("\r\n", "\n")

    try:
        yield answer
    finally:
        process.kill()
        process.wait(timeout=60)
        os.close(ours)


@pytest.mark.parametrize(
    ("job", "text", "stored"),
    [
        ("items", "2026-03-01", ("2026-02-28T15:00:00.000000Z", "timestamp")),
        ("items", "2026-03-01T06:30Z", ("2026-03-01T06:30:00.000000Z", "timestamp")),
        ("numbers", "42", ("42", "bigint")),
        ("days", "2026-03-01", ("2026-03-01", "date")),
    ],
)
def test_set_stores_a_point_of_the_type_that_the_target_column_has(
    jobs: World, job: str, text: str, stored: tuple[str, str]
):
    done = watermark(jobs, "set", job, text, "--yes", TIMEZONE="Asia/Tokyo")

    assert (done.code, done.out) == (0, f"{job}: watermark none -> {stored[0]}\n"), done.err
    assert jobs.rows(STATE.format(job)) == [(*stored, "changed", f"public.{job}")]


def test_an_age_is_counted_back_from_the_targets_clock(jobs: World):
    watermark(jobs, "set", "items", "2d", "--yes")

    assert jobs.rows(
        "SELECT now() - watermark::timestamptz BETWEEN '2 days' AND '2 days 1 minute'"
        " FROM quper.qupersync_state"
    ) == [(True,)]


@pytest.mark.parametrize(
    ("job", "text", "complaint"),
    [
        ("items", "2096-01-01", "2096-01-01T00:00:00.000000Z lies in the future"),
        ("days", "2096-01-01", "2096-01-01 lies in the future"),
        ("items", "0001-01-02", "lies before all that a source can hold"),
        ("items", "yesterday", "is a timestamp, not 'yesterday': expected an ISO date or time"),
        ("items", "42", "is a timestamp, not '42': expected an ISO date or time"),
        ("numbers", "7d", "is a bigint, not '7d': expected a whole number"),
        ("days", "42", "is a date, not '42': expected an ISO date or time"),
        ("mirror", "7d", "job mirror is a snapshot and has no watermark"),
    ],
)
def test_a_point_that_no_run_could_have_reached_is_exit_2_and_changes_nothing(
    jobs: World, job: str, text: str, complaint: str
):
    done = watermark(jobs, "set", job, text, "--yes")

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert complaint in done.err
    assert jobs.rows("SELECT count(*) FROM quper.qupersync_state") == [(0,)]


def test_a_snapshot_cannot_be_reset(jobs: World):
    done = watermark(jobs, "reset", "mirror", "--yes")

    line = "error: job mirror is a snapshot and has no watermark -> qupersync watermark show\n"
    assert done == Done(code=2, out="", err=line)


def test_set_lets_a_job_go_on_whose_filled_target_nobody_accounts_for(jobs: World):
    jobs.at_target("INSERT INTO items VALUES (9, 'whose?', now())")

    refused = jobs.shell.type("run", "items", "-q")
    watermark(jobs, "set", "items", "2d", "--yes")
    allowed = jobs.shell.type("run", "items", "-q")

    assert (refused.code, allowed.code, ids(jobs)) == (1, 0, [3, 4, 9])


def test_set_lets_a_job_go_on_that_has_another_target_now(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target("CREATE TABLE moved (LIKE items INCLUDING ALL)")
    jobs.shell.write_jobs(JOBS.replace("public.items", "public.moved"))

    refused = jobs.shell.type("run", "items", "-q")
    watermark(jobs, "set", "items", "2d", "--yes")
    allowed = jobs.shell.type("run", "items", "-q")

    assert (refused.code, allowed.code) == (1, 0)
    assert jobs.rows("SELECT id FROM moved ORDER BY id") == [(3,), (4,)]


def test_set_forward_says_that_rows_before_it_are_not_read_again(jobs: World):
    watermark(jobs, "set", "items", "3d", "--yes")

    done = watermark(jobs, "set", "items", "2026-02-01T12:00Z", "--yes")
    assert done.err == (
        "items: the next run starts from 2026-02-01T11:00:00.000000Z;"
        " rows since then are read again\n"
    )

    forward = watermark(jobs, "set", "items", "2026-02-02T12:00Z", "--yes")
    assert forward == Done(
        code=0,
        out="items: watermark 2026-02-01T12:00:00.000000Z -> 2026-02-02T12:00:00.000000Z\n",
        err="items: the next run starts from 2026-02-02T11:00:00.000000Z;"
        " rows before that are not read again\n",
    )


def test_a_run_after_set_back_reads_again_what_is_missing(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target("DELETE FROM items WHERE id IN (1, 3)")

    watermark(jobs, "set", "items", "2d", "--yes")
    jobs.shell.type("run", "items", "-q")

    assert ids(jobs) == [2, 3, 4]


def test_reset_lets_the_next_run_start_from_initial(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target("DELETE FROM items WHERE id = 1")

    done = watermark(jobs, "reset", "items", "--yes")
    forgotten = jobs.rows(STATE.format("items"))
    run = jobs.shell.type("run", "items", "-q")

    assert done.out.endswith(" -> none\n")
    assert done.err == (
        "items: the next run starts from the job's initial; rows since then are read again\n"
    )
    assert forgotten == [(None, None, None, "public.items")]
    assert (run.code, ids(jobs)) == (0, [1, 2, 3, 4])


@pytest.mark.parametrize("before", [[], ["set", "items", "2d", "--yes"]])
def test_a_job_that_was_reset_is_not_refused_though_its_target_holds_rows(
    jobs: World, before: list[str]
):
    jobs.at_target("INSERT INTO items VALUES (9, 'whose?', now())")
    if before:
        watermark(jobs, *before)

    watermark(jobs, "reset", "items", "--yes")

    assert (jobs.shell.type("run", "items", "-q").code, ids(jobs)) == (0, [1, 2, 3, 4, 9])


def test_show_tells_who_changed_the_watermark_last(jobs: World):
    watermark(jobs, "set", "items", "2026-03-01", "--yes")
    watermark(jobs, "reset", "items", "--yes")

    changed = known(jobs, "items")["changed"]
    [(at,)] = jobs.rows("SELECT updated_at FROM quper.qupersync_state")
    assert changed.pop("at")[:19] == at.isoformat()[:19]
    assert "@" in changed.pop("by")
    assert changed == {"what": "reset", "from": "2026-03-01T00:00:00.000000Z", "to": None}


def test_show_of_jobs_that_never_ran_has_nothing_to_tell(jobs: World):
    shown = watermark(jobs, "show", "-o", "json").document

    assert [record["job"] for record in shown] == ["items", "numbers", "days", "mirror"]
    assert shown[0] == {
        "job": "items",
        "target": "public.items",
        "watermark": None,
        "watermark_type": None,
        "watermark_column": None,
        "gaps": [],
        "acknowledged": [],
        "changed": None,
    }


def test_show_on_a_terminal_is_a_table_with_the_gaps_below(jobs: World):
    watermark(jobs, "set", "items", "2026-03-01", "--yes")
    jobs.at_target(GAPS % ("A", "B"))

    shown = jobs.shell.on_a_terminal("watermark", "show", "items", columns=200).splitlines()

    assert shown[1].startswith("items  2026-03-01 00:00:00     1  set by ")
    assert shown[2] == "items: open gap A to B -> qupersync watermark ack-gap items"


@pytest.mark.parametrize(
    "words", [["set", "items", "2026-03-01 12:00"], ["reset", "items"], ["ack-gap", "items"]]
)
def test_off_a_terminal_nothing_changes_without_yes(jobs: World, words: list[str]):
    watermark(jobs, "set", "items", "2026-02-01", "--yes")
    jobs.at_target(GAPS % ("A", "B"))
    before = known(jobs, "items")

    done = watermark(jobs, *words)

    command = " ".join(["qupersync watermark", *words, "--yes"]).replace(
        "2026-03-01 12:00", "'2026-03-01 12:00'"
    )
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"\nerror: nobody is there to be asked -> {command}\n")
    assert known(jobs, "items") == before


@pytest.mark.parametrize(
    ("answer", "code", "last", "stored"),
    [
        ("y", 0, "-> 2026-03-01T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z"),
        ("n", 1, "nothing was changed", "2026-02-01T00:00:00.000000Z"),
        ("", 1, "nothing was changed", "2026-02-01T00:00:00.000000Z"),
    ],
)
def test_on_a_terminal_the_answer_decides(
    jobs: World, answer: str, code: int, last: str, stored: str
):
    watermark(jobs, "set", "items", "2026-02-01", "--yes")

    with asked(jobs, "set", "items", "2026-03-01") as reply:
        ended, shown = reply(answer)

    assert (ended, shown.endswith(f"{last}\n")) == (code, True)
    assert known(jobs, "items")["watermark"] == stored


@pytest.mark.parametrize("words", [["set", "items", "2d"], ["reset", "items"]])
def test_a_job_that_a_run_holds_is_exit_7_and_stays_as_it_is(jobs: World, words: list[str]):
    watermark(jobs, "set", "items", "2026-02-01", "--yes")
    jobs.at_target(HELD)

    done = watermark(jobs, *words, "--yes")

    assert (done.code, done.out) == (7, "")
    assert done.err.endswith(
        "error: job items is held by another run"
        " -> wait for the run that holds the job: qupersync status\n"
    )
    assert known(jobs, "items")["watermark"] == "2026-02-01T00:00:00.000000Z"


def test_the_lease_is_free_again_after_a_change(jobs: World):
    watermark(jobs, "set", "items", "2d", "--yes")

    assert jobs.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]


def test_a_watermark_that_a_run_moved_while_somebody_thought_stays(jobs: World):
    with asked(jobs, "set", "items", "2026-02-01") as reply:
        jobs.shell.type("run", "items", "-q")
        moved = known(jobs, "items")
        code, shown = reply("y")

    assert (code, known(jobs, "items")) == (1, moved)
    assert shown.endswith(
        "error: a run has moved the watermark of job items meanwhile"
        " -> look again: qupersync watermark show items\n"
    )


def test_ack_gap_moves_every_open_gap_and_writes_the_spans(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target(GAPS % ("A", "B"), GAPS % ("C", "D"))

    done = watermark(jobs, "ack-gap", "items", "--yes")

    assert (done.code, done.out) == (0, "items: acknowledged A to B\nitems: acknowledged C to D\n")
    record = known(jobs, "items")
    assert record["gaps"] == []
    assert [(gap["low"], gap["high"], gap["run_id"]) for gap in record["acknowledged"]] == [
        ("A", "B", "x"),
        ("C", "D", "x"),
    ]
    assert all("@" in gap["by"] and gap["at"] for gap in record["acknowledged"])


def test_what_was_acknowledged_before_stays_acknowledged(jobs: World):
    jobs.shell.type("run", "items", "-q")
    for span in (("A", "B"), ("C", "D")):
        jobs.at_target(GAPS % span)
        watermark(jobs, "ack-gap", "items", "--yes")

    assert [gap["low"] for gap in known(jobs, "items")["acknowledged"]] == ["A", "C"]


@pytest.mark.parametrize("ran", [True, False])
def test_ack_gap_without_a_gap_is_harmless(jobs: World, ran: bool):  # noqa: FBT001
    if ran:
        jobs.shell.type("run", "items", "-q")
    before = jobs.rows("SELECT * FROM quper.qupersync_state")

    done = watermark(jobs, "ack-gap", "items")

    assert done == Done(code=0, out="", err="items: no open gap\n")
    assert jobs.rows("SELECT * FROM quper.qupersync_state") == before


def test_a_gap_that_nobody_has_seen_is_not_acknowledged(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target(GAPS % ("A", "B"))

    with asked(jobs, "ack-gap", "items") as reply:
        jobs.at_target(GAPS % ("C", "D"))
        reply("y")

    record = known(jobs, "items")
    assert [gap["low"] for gap in record["gaps"]] == ["C"]
    assert [gap["low"] for gap in record["acknowledged"]] == ["A"]


def test_a_gap_that_a_run_notes_at_the_same_moment_is_not_lost(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target(GAPS % ("A", "B"))

    with psycopg.connect(jobs.target) as noting:
        noting.execute((GAPS % ("C", "D")).encode())
        process = jobs.shell.start("watermark", "ack-gap", "items", "--yes")
        with psycopg.connect(jobs.target, autocommit=True) as watching:
            while process.poll() is None and watching.execute(IS_BLOCKED).fetchone() == (0,):
                pass
        assert process.poll() is None
        noting.commit()
        out, _ = process.communicate(timeout=60)

    record = known(jobs, "items")
    assert out == "items: acknowledged A to B\n"
    assert [gap["low"] for gap in record["gaps"]] == ["C"]
    assert [gap["low"] for gap in record["acknowledged"]] == ["A"]


def test_a_gap_in_lines_is_json(jobs: World):
    jobs.shell.type("run", "items", "-q")
    jobs.at_target(GAPS % ("A", "B"))

    names, values = watermark(jobs, "show", "items").out.splitlines()

    gaps = dict(zip(names.split("\t"), values.split("\t"), strict=True))["gaps"]
    assert json.loads(gaps) == {"low": "A", "high": "B", "run_id": "x"}
