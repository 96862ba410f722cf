"""Rows that cannot be loaded: set aside once, with their reason, beside a batch that loads."""

import logging
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.datarow import body
from tests.pipeline.rig import NOON, Rig, a_job, a_snapshot

MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
YESTERDAY = NOON - timedelta(days=1)
SECRET = "s3cr3t-value"  # noqa: S105 - a row's value
RAISING = """
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF new.id = 2 THEN {} END IF; RETURN new; END $$;
CREATE TRIGGER guard BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION guard();
"""
NAMED = """
CREATE TABLE names (name text PRIMARY KEY); INSERT INTO names VALUES ('a'), ('c');
ALTER TABLE items ADD FOREIGN KEY (name) REFERENCES names DEFERRABLE {};
"""
TAKEN = f"INSERT INTO items VALUES (9, '{SECRET}')"
CHECK = f"ALTER TABLE items ADD CHECK (name <> '{SECRET}')"
NOT_NULL = "ALTER TABLE items ALTER name SET NOT NULL"
REFUSING = {
    "check": (CHECK, ("", "check", "23514")),
    "not null": (RAISING.format("new.name = NULL;") + NOT_NULL, ("name", "required", "23502")),
    "foreign key": (NAMED.format(""), ("", "foreign-key", "23503")),
    "deferred foreign key": (NAMED.format("INITIALLY DEFERRED"), ("", "foreign-key", "23503")),
    "unique": (f"CREATE UNIQUE INDEX ON items (name); {TAKEN}", ("", "not-unique", "23505")),
    "exclusion": (
        f"ALTER TABLE items ADD EXCLUDE (name WITH =); {TAKEN}",
        ("", "invalid-value", "23P01"),
    ),
    "trigger": (RAISING.format("RAISE 'no %', new.name;"), ("", "invalid-value", "P0001")),
    "trigger with a state of its own": (
        RAISING.format("RAISE 'no %', new.name USING errcode = '22ABC';"),
        ("", "invalid-value", "22ABC"),
    ),
}


@pytest.fixture
def items(rig: Rig) -> Rig:
    """Three rows at the source, the second with a name that must never be told."""
    rig.at_source("CREATE TABLE items (id int, name text, changed timestamp)")
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)")
    rig.at_source(
        f"INSERT INTO items SELECT i, CASE i WHEN 1 THEN 'a' WHEN 2 THEN '{SECRET}' ELSE 'c' END,"
        " '2026-03-01 11:30' FROM generate_series(1, 3) AS i"
    )
    return rig


def rejects(rig: Rig, columns: str) -> list[tuple[object, ...]]:
    return rig.rows(f"SELECT {columns} FROM quper.sync_rejects ORDER BY reject_id")


@MODES
@pytest.mark.parametrize(("statement", "refusal"), REFUSING.values(), ids=list(REFUSING))
def test_a_row_that_the_target_refuses_is_set_aside_and_the_others_load(
    items: Rig, caplog, job, statement, refusal
):
    caplog.set_level(logging.DEBUG)
    items.at_target(statement)

    run = items.run(job.model_copy(update={"delete_missing": False}), from_initial=True)

    assert run.tally == Tally(extracted=3, inserted=2, skipped=1), run.error
    assert rejects(items, "column_name, reason, sqlstate") == [refusal]
    assert items.rows("SELECT id FROM items WHERE id < 9 ORDER BY id") == [(1,), (3,)]
    assert SECRET not in caplog.text + repr(run)


@MODES
def test_a_reject_keeps_the_row_bit_for_bit_and_readable(items: Rig, job):
    items.at_target(CHECK)

    run = items.run(job)

    moment = (datetime(2026, 3, 1, 11, 30, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    payload = body([b"\0\0\0\2", SECRET.encode(), moment.to_bytes(8, "big")])
    columns = 'datarow-v2 [["id", 23], ["name", 25], ["changed", 1114]]'
    row = {"id": "2", "name": SECRET, "changed": "2026-03-01 11:30:00"}
    assert rejects(
        items, "run_id, source, sync_job_id, row, payload, payload_format, payload_sha256"
    ) == [(run.run_id, "default", "items", row, payload, columns, sha256(payload).digest())]


@MODES
def test_a_reject_that_is_seen_again_is_counted_and_not_piled_up(items: Rig, job):
    items.at_target(CHECK)

    runs = [items.run(job) for _ in range(3)]

    assert [run.tally.skipped for run in runs] == [1, 1, 1]
    assert rejects(items, "times_seen, resolution, run_id") == [(3, None, runs[-1].run_id)]


@MODES
def test_a_later_good_load_of_the_key_supersedes_its_reject(items: Rig, job):
    items.at_target(CHECK)
    items.run(job)
    items.at_source("UPDATE items SET name = 'good' WHERE id = 2")

    run = items.run(job)

    assert run.tally == Tally(extracted=3, inserted=1, unchanged=2)
    assert rejects(items, "resolution, resolved_at IS NOT NULL") == [("superseded", True)]


@MODES
def test_a_row_that_is_bad_again_in_another_way_supersedes_nothing(items: Rig, job):
    items.at_target("ALTER TABLE items ADD CHECK (name NOT LIKE 's3cr3t%')")
    items.run(job)
    items.at_source("UPDATE items SET name = 's3cr3t-again' WHERE id = 2")

    assert items.run(job).tally.skipped == 1
    assert rejects(items, "resolution") == [(None,), (None,)]


def test_a_superseded_reject_that_comes_back_is_open_again(items: Rig):
    items.at_target(CHECK)
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'good' WHERE id = 2")
    items.run(a_job())
    items.at_source(f"UPDATE items SET name = '{SECRET}' WHERE id = 2")

    items.run(a_job())

    assert rejects(items, "resolution, times_seen") == [(None, 2)]


@MODES
def test_as_many_rejects_as_allowed_pass(items: Rig, job):
    items.at_target("ALTER TABLE items ADD CHECK (id > 2)")

    run = items.run(job.model_validate(job.model_dump(exclude_unset=True) | {"max_rejects": 2}))

    assert run.status is Status.SUCCESS, run.error
    assert run.tally == Tally(extracted=3, inserted=1, skipped=2)


@MODES
@pytest.mark.parametrize("allowed", [1, "60%"])
def test_one_reject_more_than_allowed_fails_the_run_and_stores_nothing(items: Rig, job, allowed):
    items.at_target(f"ALTER TABLE items ADD CHECK (id = 1), ADD CHECK (name <> '{SECRET}')")

    run = items.run(
        job.model_validate(job.model_dump(exclude_unset=True) | {"max_rejects": allowed})
    )

    assert (run.status, run.error_code) == (Status.FAILED, "too-many-rejects")
    assert run.error == f"2 rows rejected, allowed are {allowed}: 2 check"
    assert items.rows("SELECT id FROM items") == rejects(items, "reject_id") == []
    # What came before the last day, which was nothing, is stored.
    assert (run.tally, run.watermark_after or YESTERDAY) == (Tally(), YESTERDAY)


@MODES
def test_a_reject_counts_once_however_often_the_run_sees_it(items: Rig, job):
    items.at_target(CHECK)
    items.at_source(
        "INSERT INTO items SELECT i.* FROM items AS i, generate_series(1, 3) WHERE id = 2"
    )

    run = items.run(job.model_copy(update={"max_rejects": Allowance(rows=1)}))

    assert run.tally == Tally(extracted=6, inserted=2, skipped=4), run.error
    assert rejects(items, "times_seen") == [(4,)]


@MODES
def test_many_bad_rows_among_many_good_ones_are_all_found(items: Rig, job):
    items.at_source(
        "INSERT INTO items SELECT i, 'n' || i, '2026-03-01 11:30'"
        " FROM generate_series(4, 3000) AS i"
    )
    items.at_target("ALTER TABLE items ADD CHECK (id % 50 <> 7)")

    run = items.run(job)

    assert run.tally == Tally(extracted=3000, inserted=2940, skipped=60)
    assert items.rows("SELECT count(*), count(*) FILTER (WHERE id % 50 = 7) FROM items") == [
        (2940, 0)
    ]


@MODES
def test_a_key_too_long_for_an_index_is_rejected_and_kept(rig: Rig, job):
    rig.at_source("CREATE TABLE items (id text, changed timestamp)")
    rig.at_target("CREATE TABLE items (id text PRIMARY KEY, changed timestamp)")
    rig.at_source(
        "INSERT INTO items SELECT string_agg(md5(i::text), ''), '2026-03-01 11:30'"
        " FROM generate_series(1, 500) AS i",
        "INSERT INTO items VALUES ('short', '2026-03-01 11:30')",
    )

    run = rig.run(job)

    assert run.tally == Tally(extracted=2, inserted=1, skipped=1), run.error
    assert rejects(rig, "reason, sqlstate, length(key)") == [("too-long", "54000", 16_004)]


def test_two_rows_that_refuse_each_other_fail_the_run_without_their_values(items: Rig):
    items.at_target("CREATE UNIQUE INDEX by_name ON items (lower(name))")
    items.at_source(f"INSERT INTO items VALUES (4, '{SECRET.upper()}', '2026-03-01 11:30')")

    run = items.run(a_job())

    assert run.error == "UniqueViolation (SQLSTATE 23505) by constraint 'by_name'"
    assert run.error_code == "rows-refused"


def test_a_cast_that_fails_at_the_source_is_told_without_its_value(items: Rig):
    run = items.run(a_snapshot(sql="SELECT id, name::int AS name FROM items"))

    assert run.error_code == "query-failed"
    assert run.error == "Redshift answered: invalid text representation (SQLSTATE 22P02)"


def test_of_a_snapshot_one_batch_is_checked_and_a_row_of_the_next_is_refused(rig: Rig):
    rig.at_source(
        "CREATE TABLE items (id int, name text)",
        "INSERT INTO items VALUES (1, 'too long'), (2, 'a'), (3, 'b'), (4, 'no')",
    )
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name varchar(3) CHECK (name <> 'no'))")

    run = rig.run(a_snapshot(load="copy", batch_size=2))

    assert run.tally == Tally(extracted=4, inserted=2, skipped=2), run.error
    assert sorted(rejects(rig, "reason")) == [("check",), ("lossy-cast",)]
