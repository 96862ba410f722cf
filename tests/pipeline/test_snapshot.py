"""A snapshot mirrors its query in one transaction, and deletes only when that is safe."""

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import Rig, a_snapshot

TABLE = "CREATE TABLE items (id int PRIMARY KEY, name text)"


@pytest.fixture
def mirrored(rig: Rig) -> Rig:
    """Ten rows on both sides."""
    rig.at_both(TABLE)
    rig.at_source("INSERT INTO items SELECT i, 'n' || i FROM generate_series(1, 10) AS i")
    rig.run(a_snapshot())
    return rig


def count(rig: Rig):
    return rig.rows("SELECT count(*) FROM items")[0][0]


def test_a_row_that_vanished_is_deleted(mirrored: Rig):
    mirrored.at_source("DELETE FROM items WHERE id <= 3")

    run = mirrored.run(a_snapshot())

    assert run.tally == Tally(extracted=7, unchanged=7, deleted=3)
    assert count(mirrored) == 7


def test_all_rows_are_one_transaction(mirrored: Rig):
    mirrored.at_source("UPDATE items SET name = 'new'")

    run = mirrored.run(a_snapshot(batch_size=2))

    assert (run.batches, run.tally.updated) == (1, 10)
    assert len(mirrored.rows("SELECT DISTINCT xmin FROM items")) == 1


def test_more_deletions_than_max_delete_fail_the_run_and_change_nothing(mirrored: Rig):
    mirrored.at_source("DELETE FROM items WHERE id <= 6", "UPDATE items SET name = 'new'")

    run = mirrored.run(a_snapshot())

    assert (run.status, run.error_code) == (Status.FAILED, "max-delete")
    assert run.hint == "qupersync run items --allow-deletes"
    assert mirrored.rows("SELECT count(*) FROM items WHERE name <> 'new'") == [(10,)]


def test_new_keys_do_not_dilute_the_share_that_is_deleted(mirrored: Rig):
    mirrored.at_source("UPDATE items SET id = id + 100")

    assert mirrored.run(a_snapshot()).error_code == "max-delete"


def test_exactly_max_delete_is_allowed(mirrored: Rig):
    mirrored.at_source("DELETE FROM items WHERE id <= 5")

    assert mirrored.run(a_snapshot()).tally.deleted == 5


def test_an_empty_result_deletes_nothing_even_where_all_may_go(mirrored: Rig):
    mirrored.at_source("DELETE FROM items")

    run = mirrored.run(a_snapshot(max_delete="100%"))

    assert run.error_code == "max-delete"
    assert "returned no row" in run.error
    assert count(mirrored) == 10


def test_allowed_deletes_go_through(mirrored: Rig):
    mirrored.at_source("DELETE FROM items")

    run = mirrored.run(a_snapshot(), allow_deletes=True)

    assert (run.tally.deleted, count(mirrored)) == (10, 0)


def test_vanished_rows_stay_where_delete_missing_is_off(mirrored: Rig):
    mirrored.at_source("DELETE FROM items WHERE id = 1")

    run = mirrored.run(a_snapshot(delete_missing=False))

    assert (run.status, run.tally.deleted, count(mirrored)) == (Status.SUCCESS, 0, 10)


def test_nothing_is_deleted_while_a_row_is_rejected(mirrored: Rig):
    mirrored.at_source("DELETE FROM items WHERE id = 1")
    mirrored.at_target("ALTER TABLE items ADD CHECK (name <> 'bad')")
    mirrored.at_source("UPDATE items SET name = 'bad' WHERE id = 2")

    run = mirrored.run(a_snapshot())

    assert run.tally == Tally(extracted=9, unchanged=8, skipped=1)
    assert run.warnings == ("2 rows that this read does not confirm were kept: rows were rejected",)


def test_a_source_that_breaks_in_the_middle_changes_nothing(mirrored: Rig):
    job = a_snapshot(sql="SELECT id, 10 / (id - 5) || '' AS name FROM items ORDER BY id")

    run = mirrored.run(job, batch_rows=1)

    assert (run.status, run.error_code, run.batches) == (Status.FAILED, "query-failed", 0)
    assert mirrored.rows("SELECT count(*) FROM items WHERE name LIKE 'n%'") == [(10,)]


def test_a_trigger_that_swallows_deletions_fails_the_run(mirrored: Rig):
    mirrored.at_target(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER keep BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION keep()",
    )
    mirrored.at_source("DELETE FROM items WHERE id = 1")

    assert mirrored.run(a_snapshot()).error_code == "row-accounting"
