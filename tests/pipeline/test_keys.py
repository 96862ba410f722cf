"""Keys: never NULL, equal as the target compares them, one row for each whatever comes twice."""

import pytest

from qupersync.domain.batch import Tally
from tests.pipeline.rig import Rig, a_job, a_snapshot, add, tables

MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])


@MODES
def test_a_null_key_is_rejected_and_the_other_rows_load(rig: Rig, job):
    add(tables(rig), "NULL, 'x'", "1, 'a'")

    assert rig.run(job).tally == Tally(extracted=2, inserted=1, skipped=1)
    assert rig.rows("SELECT key, column_name, reason FROM quper.sync_rejects") == [
        ("[null]", "id", "null-key")
    ]


@MODES
def test_of_a_key_repeated_in_a_batch_the_later_arrival_wins(rig: Rig, job):
    add(tables(rig), "1, 'a'", "2, 'z'", "1, 'b'", "1, 'c'")

    assert rig.run(job).tally == Tally(extracted=4, inserted=2, deduplicated=2)
    assert rig.rows("SELECT id, name FROM items ORDER BY 1") == [(1, "c"), (2, "z")]


def test_of_a_key_repeated_in_a_batch_the_greatest_watermark_wins_first(rig: Rig):
    tables(rig).at_source(
        "INSERT INTO items VALUES (1, 'first', '2026-03-01 11:30:00.000002'),"
        " (1, 'winner', '2026-03-01 11:30:00.000002'), (1, 'old', '2026-03-01 11:30:00.000001')"
    )

    assert rig.run(a_job()).tally == Tally(extracted=3, inserted=1, deduplicated=2)
    assert rig.rows("SELECT name FROM items") == [("winner",)]


def test_of_a_key_repeated_across_batches_the_later_wins(rig: Rig):
    add(tables(rig), "1, 'a'", "1, 'b'", "1, 'c'")

    assert rig.run(a_job(), batch_rows=1).tally == Tally(extracted=3, inserted=1, updated=2)
    assert rig.rows("SELECT name FROM items") == [("c",)]


def test_a_snapshot_folds_a_key_that_its_blocks_repeat(rig: Rig):
    add(tables(rig), "1, 'a'", "1, 'b'", "1, 'c'")

    run = rig.run(a_snapshot(), batch_rows=1)

    assert run.tally == Tally(extracted=3, inserted=1, deduplicated=2)
    assert rig.rows("SELECT name FROM items") == [("c",)]


@MODES
@pytest.mark.parametrize(
    ("key", "given", "one", "other"),
    [
        ("text", "text", "'a'", "'a  '"),
        ("numeric", "numeric", "1.5", "1.50"),
        ("int", "numeric", "1", "1.0"),
        ("timestamptz", "timestamptz", "'2026-01-01 00:00+00'", "'2026-01-01 02:00+02'"),
        ("uuid", "text", "'a0eebc999c0b4ef8bb6d6bb9bd380a11'",
         "'{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}'"),
        ("jsonb", "text", """'{"a":1,"b":2}'""", """'{"b":2, "a":1.0}'"""),
        ("double precision", "double precision", "-0.0", "0.0"),
        ("double precision", "double precision", "'NaN'", "'NaN'"),
    ],
)  # fmt: skip
def test_keys_are_equal_as_the_target_compares_them(rig: Rig, job, key, given, one, other):
    add(tables(rig, key, given), f"{one}, 'a'", f"{other}, 'b'")

    first, second = rig.run(job), rig.run(job)

    assert first.tally == Tally(extracted=2, inserted=1, deduplicated=1), first.error
    assert second.tally == Tally(extracted=2, unchanged=1, deduplicated=1)
    assert rig.rows("SELECT name FROM items") == [("b",)]


def collated(rig: Rig) -> str:
    """The name of a collation at the target: one that ignores case, where the server has ICU."""
    if not rig.rows("SELECT FROM pg_collation WHERE collname = 'und-x-icu'"):
        return '"C"'
    rig.at_target(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    )
    return "loose"


@MODES
def test_keys_are_equal_under_the_targets_collation(rig: Rig, job):
    collation = collated(rig)
    keys = ["'KEY'", "'key'", "'Key'", "'other'"]
    add(tables(rig, f"text COLLATE {collation}", "text"), *(f"{key}, 'a'" for key in keys))
    distinct = (
        f"SELECT count(DISTINCT k COLLATE {collation}) FROM unnest(ARRAY[{','.join(keys)}]) k"
    )
    [(kept,)] = rig.rows(distinct)

    first, second = rig.run(job), rig.run(job)

    assert first.tally == Tally(extracted=4, inserted=kept, deduplicated=4 - kept), first.error
    assert second.tally == Tally(extracted=4, unchanged=kept, deduplicated=4 - kept)


@MODES
def test_a_change_that_the_collation_cannot_see_is_still_a_change(rig: Rig, job):
    tables(rig).at_target(f"ALTER TABLE items ALTER name TYPE text COLLATE {collated(rig)}")
    add(rig, "1, 'name'")
    rig.run(job)
    rig.at_source("UPDATE items SET name = 'NAME'")

    assert rig.run(job).tally == Tally(extracted=1, updated=1)
    assert rig.rows("SELECT name FROM items") == [("NAME",)]


def test_the_later_of_two_rows_wins_whatever_room_their_pages_have(rig: Rig):
    # A wide row begins a new page, and a small one after it may go back to the page before.
    rig.at_source("CREATE TABLE items (at int, id int, name text)")
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, at int, name text)")
    rig.at_source(
        "INSERT INTO items SELECT i, i / 2, repeat('x', (ARRAY[1, 900, 1800])"
        "[1 + abs(hashint4(i)) % 3]) FROM generate_series(0, 899) AS i"
    )

    run = rig.run(a_snapshot(sql="SELECT * FROM items ORDER BY at"))

    assert run.tally == Tally(extracted=900, inserted=450, deduplicated=450)
    assert rig.rows("SELECT count(*) FROM items WHERE at % 2 = 0") == [(0,)]


def test_a_bad_row_that_folds_away_behind_a_good_one_is_no_reject(rig: Rig):
    rig.at_source("CREATE TABLE items (at int, id int, name text)")
    rig.at_target(
        "CREATE TABLE items (id int PRIMARY KEY, at int, name text CHECK (name <> 'bad'))"
    )
    rig.at_source("INSERT INTO items VALUES (1, 1, 'bad'), (2, 1, 'good'), (3, 2, 'bad')")

    run = rig.run(a_snapshot(sql="SELECT * FROM items ORDER BY at"))

    assert run.tally == Tally(extracted=3, inserted=1, deduplicated=1, skipped=1)


def test_behind_a_bad_row_an_older_good_one_of_its_key_counts(rig: Rig):
    rig.at_source("CREATE TABLE items (at int, id int, name text)")
    rig.at_target(
        "CREATE TABLE items (id int PRIMARY KEY, at int, name text CHECK (name <> 'bad'))"
    )
    rig.at_source("INSERT INTO items VALUES (1, 1, 'good'), (2, 1, 'bad'), (3, 1, 'bad')")

    run = rig.run(a_snapshot(sql="SELECT * FROM items ORDER BY at"))

    assert run.tally == Tally(extracted=3, inserted=1, skipped=2)
    assert rig.rows("SELECT at FROM items") == [(1,)]
