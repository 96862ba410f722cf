"""A batch that is not what the one before lets expect is merged and counted all the same."""

import psycopg
import pytest

from qupersync.application.pieces import CONFLICT_TRIES
from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from qupersync.domain.table_name import TableName
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from tests.pipeline.rig import WATERMARK, Rig, a_job, a_snapshot

RAW = a_job(load="copy", batch_size=2, watermark=WATERMARK | {"initial": "1h"})
NEW, SAME = [(1, "a"), (2, "a")], [(1, "a"), (2, "a")]
LAST = [(7, "z"), (8, "z")]


def at_source(rig: Rig, *rows: tuple[int, str]) -> None:
    """Hold these rows, which are read in this order."""
    rig.at_source(
        "ALTER TABLE items DROP CONSTRAINT items_pkey",
        *(f"INSERT INTO items VALUES ({key}, '{name}', '2026-03-01 11:30')" for key, name in rows),
    )


def at_target(rig: Rig, *rows: tuple[int, str]) -> None:
    for key, name in rows:
        rig.at_target(f"INSERT INTO items VALUES ({key}, '{name}', '2026-03-01 11:30')")


def stored(rig: Rig) -> dict[int, str]:
    return dict(rig.rows("SELECT id, name FROM items"))


@pytest.mark.parametrize(
    ("batch", "tally"),
    [
        ([(3, "b"), (4, "b")], Tally(inserted=2)),
        ([(3, "b"), (1, "b")], Tally(inserted=1, updated=1)),
        ([(3, "b"), (1, "a")], Tally(inserted=1, unchanged=1)),
        ([(3, "a"), (3, "b")], Tally(inserted=1, deduplicated=1)),
        ([(1, "a"), (2, "a")], Tally(unchanged=2)),
    ],
)
def test_after_a_batch_that_was_all_new(items: Rig, batch, tally):
    at_source(items, *NEW, *batch, *LAST)

    run = items.run(RAW)

    assert run.tally == tally + Tally(extracted=6, inserted=4), run.error
    assert stored(items) == dict([*NEW, *batch, *LAST])


@pytest.mark.parametrize(
    ("batch", "tally"),
    [
        ([(3, "b"), (4, "b")], Tally(inserted=2)),
        ([(3, "b"), (1, "a")], Tally(inserted=1, unchanged=1)),
        ([(2, "a"), (1, "b")], Tally(updated=1, unchanged=1)),
        ([(1, "a"), (1, "a")], Tally(unchanged=1, deduplicated=1)),
        ([(1, "b"), (1, "a")], Tally(unchanged=1, deduplicated=1)),
        ([(1, "a"), (1, "b")], Tally(updated=1, deduplicated=1)),
        ([(1, "a"), (2, "a")], Tally(unchanged=2)),
    ],
)
def test_after_a_batch_that_was_all_known(items: Rig, batch, tally):
    at_target(items, *SAME)
    at_source(items, *SAME, *batch, *SAME)

    run = items.run(RAW, from_initial=True)

    meanwhile = dict([*SAME, *batch])
    put_back = sum(meanwhile[key] != name for key, name in SAME)
    rest = Tally(extracted=6, unchanged=4 - put_back, updated=put_back)
    assert run.tally == tally + rest, run.error
    assert stored(items) == meanwhile | dict(SAME)


def test_a_first_batch_into_an_empty_table_with_a_repeated_key(items: Rig):
    at_source(items, (1, "a"), (1, "b"))

    assert items.run(RAW).tally == Tally(extracted=2, inserted=1, deduplicated=1)
    assert stored(items) == {1: "b"}


@pytest.mark.parametrize("job", [RAW, a_snapshot(load="copy")], ids=["incremental", "snapshot"])
def test_a_trigger_that_swallows_a_new_row_is_noticed(items: Rig, job):
    items.at_target(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF new.id = 2 THEN RETURN NULL; END IF; RETURN new; END $$",
        "CREATE TRIGGER swallow BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION swallow()",
    )
    at_source(items, *NEW)

    run = items.run(job)

    assert (run.status, run.error_code) == (Status.FAILED, "row-accounting")
    assert stored(items) == {}


DROPS_THE_INDEX = """
CREATE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF new.rows_inserted = 2 OR new.rows_unchanged = 2 THEN
    EXECUTE 'ALTER TABLE public.items DROP CONSTRAINT IF EXISTS items_pkey';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER drops BEFORE INSERT ON quper.sync_batches FOR EACH ROW EXECUTE FUNCTION drops();
"""


@pytest.mark.parametrize("known", [[], SAME], ids=["all new", "all known"])
def test_without_the_index_of_its_key_no_row_comes_twice(items: Rig, known):
    at_target(items, *known)
    items.at_target(DROPS_THE_INDEX)
    at_source(items, *SAME, (1, "a"), (3, "c"), (3, "d"), (3, "d"))

    run = items.run(RAW, from_initial=True)

    assert run.status is Status.SUCCESS, run.error
    assert items.rows("SELECT id, name FROM items ORDER BY id") == [(1, "a"), (2, "a"), (3, "d")]


def test_a_row_that_a_table_below_the_target_holds_does_not_come_twice(items: Rig):
    items.at_target("CREATE TABLE archive () INHERITS (items)")
    items.at_target("INSERT INTO archive VALUES (3, 'c', '2026-03-01 11:30')")
    at_source(items, *NEW, (3, "c"), (4, "d"))

    run = items.run(RAW, from_initial=True)

    assert run.tally == Tally(extracted=4, inserted=3, unchanged=1), run.error
    assert items.rows("SELECT count(*) FROM items") == [(4,)]


def test_what_keeps_no_key_unique_is_tried_once(items: Rig):
    items.at_target(
        "CREATE TABLE archive () INHERITS (items)",
        "CREATE SEQUENCE inserts",
        "CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN PERFORM nextval('public.inserts'); RETURN NULL; END $$",
        "CREATE TRIGGER counts BEFORE INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION counts()",
    )
    at_source(items, *NEW, (3, "c"), (1, "a"), *LAST)

    assert items.run(RAW).tally == Tally(extracted=6, inserted=5, unchanged=1)
    # Each of the three batches once, and the first also the short way.
    assert items.rows("SELECT last_value FROM inserts") == [(4,)]


def test_a_key_that_the_target_has_twice_hides_no_new_row(items: Rig):
    items.at_target("CREATE TABLE archive () INHERITS (items)")
    at_target(items, *SAME)
    items.at_target("INSERT INTO archive VALUES (3, 'c', '2026-03-01 11:30')")
    at_target(items, (3, "c"))
    at_source(items, *SAME, (3, "c"), (4, "d"))

    run = items.run(RAW, from_initial=True)

    assert run.status is Status.FAILED or 4 in stored(items)
    assert run.error_code in {"", "row-accounting"}


def test_a_changed_row_that_the_target_has_twice_is_noticed(items: Rig):
    items.at_target("CREATE TABLE archive () INHERITS (items)")
    items.at_target("INSERT INTO archive VALUES (1, 'a', '2026-03-01 11:30')")
    at_target(items, *SAME)
    at_source(items, (1, "b"), (2, "a"))

    run = items.run(RAW, from_initial=True)

    assert (run.status, run.error_code) == (Status.FAILED, "row-accounting")
    assert stored(items) == dict(SAME)


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_row_that_meets_two_of_the_target_shows_in_the_counts(items: Rig, changed: int):
    """As it can under an index that tells more keys apart than the column's collation does."""
    load = LoadSql(
        target=TableName("public", "twice"),
        columns=("id", "name"),
        collations={},
        key=("id",),
        watermark=None,
        kind=None,
        settled=None,
    )
    items.at_target("CREATE TABLE twice (id int, name text)")
    items.at_target(*["INSERT INTO twice VALUES (1, 'b')"] * changed)
    items.at_target(*["INSERT INTO twice VALUES (1, 'a')"] * (2 - changed))
    with psycopg.connect(items.target) as connection:
        connection.execute(load.stage.create())
        connection.execute("INSERT INTO qupersync_stage VALUES (1, 'a', 1)")
        counts = connection.execute(load.merge(folds=False, is_unique=True)).fetchone()

    assert counts is not None
    seen, _, updated, _, _, really_updated, _ = counts
    # Two that are as they should be deceive nobody.
    assert (seen, updated == really_updated) == {0: (1, True), 1: (1, False), 2: (2, True)}[changed]


def test_a_conflict_is_not_taken_for_a_wrong_guess(items: Rig):
    items.at_target(
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION quarrel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
        " PERFORM nextval('public.tries'); RAISE 'a deadlock' USING ERRCODE = '40P01'; END $$",
        "CREATE TRIGGER quarrel BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION quarrel()",
    )
    at_source(items, *NEW)

    assert items.run(RAW).error_code == "conflict"
    assert items.rows("SELECT last_value FROM tries") == [(CONFLICT_TRIES,)]


def test_a_trigger_that_leaves_known_rows_alone_stops_nobody(items: Rig):
    items.at_target(
        "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM public.items WHERE id = new.id) THEN RETURN NULL; END IF;"
        " RETURN new; END $$",
        "CREATE TRIGGER once BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION once()",
    )
    at_source(items, *NEW, (3, "b"), (1, "a"))

    run = items.run(RAW)

    assert run.tally == Tally(extracted=4, inserted=3, unchanged=1), run.error


def test_a_new_row_that_breaks_a_constraint_is_set_aside(items: Rig):
    items.at_target("ALTER TABLE items ADD CHECK (name <> 'b')")
    at_source(items, *NEW, (3, "b"), (4, "c"), *LAST)

    run = items.run(RAW)

    assert run.tally == Tally(extracted=6, inserted=5, skipped=1), run.error
    assert sorted(stored(items)) == [1, 2, 4, 7, 8]
