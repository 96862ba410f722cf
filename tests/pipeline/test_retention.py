"""What a job keeps no longer goes after a successful run, and nothing else does."""

import pytest

from qupersync.application.retention import DELETE_ROWS
from qupersync.domain.run import Status
from tests.pipeline.rig import ITEMS, SETTLED, WATERMARK, Rig, a_job

# The target's clock is real, so old is what lies years back.
AGES = {1: "2001-01-01", 2: "2001-06-01"}
FOREVER = "3600d"


@pytest.fixture
def items(items: Rig) -> Rig:
    """Two rows of long ago that an earlier run had loaded, and one of today's source."""
    items.run(a_job())
    items.at_target(*(f"INSERT INTO items VALUES ({i}, 'old', '{at}')" for i, at in AGES.items()))
    items.at_source("INSERT INTO items VALUES (3, 'new', '2026-03-01 11:30')")
    return items


def ids(rig: Rig) -> list[int]:
    return [row[0] for row in rig.rows("SELECT id FROM items ORDER BY id")]


def test_rows_older_than_the_retention_are_removed_and_counted(items: Rig):
    run = items.run(a_job(retention=FOREVER))

    assert (run.status, run.tally.deleted, ids(items)) == (Status.SUCCESS, 2, [3])
    assert items.rows(
        "SELECT sum(rows_deleted), bool_or(completes AND rows_deleted > 0) FROM quper.sync_batches"
    ) == [(2, False)]


def test_a_clock_of_the_target_that_is_ahead_removes_nothing_young(items: Rig):
    """It is: that of the source stands in March."""
    items.at_target("INSERT INTO items VALUES (4, 'young', '2026-02-20')")

    items.run(a_job(retention="30d"))

    assert ids(items) == [3, 4]


def test_without_a_retention_everything_stays(items: Rig):
    items.run(a_job())

    assert ids(items) == [1, 2, 3]


def test_the_overlap_is_kept_however_short_the_retention(items: Rig):
    items.at_target("INSERT INTO items VALUES (4, 'at the edge', '2026-03-01 11:00')")

    run = items.run(a_job(retention="1s"))

    assert (run.tally.deleted, ids(items)) == (2, [3, 4])


def test_what_an_open_row_holds_back_is_kept(items: Rig):
    items.at_source(
        "UPDATE clock SET moment = '2026-03-01 14:00'",
        "INSERT INTO items VALUES (5, 'open', '2026-03-01 12:10')",
    )
    job = a_job(retention="1s", watermark=SETTLED)
    items.run(job)
    items.at_target("INSERT INTO items VALUES (6, 'in the overlap', '2026-03-01 11:15')")

    items.run(job)

    assert ids(items) == [3, 5, 6]


def test_a_run_that_failed_removes_nothing(items: Rig):
    items.run(a_job(retention=FOREVER, sql="SELECT 1/0 AS id FROM items WHERE :low < :high"))

    assert ids(items) == [1, 2]


def test_a_backfill_removes_nothing(items: Rig):
    past = items.run(a_job())

    items.run(a_job(retention=FOREVER), window=past.window)

    assert ids(items) == [1, 2, 3]


def test_many_old_rows_go_in_batches_that_commit_one_by_one(items: Rig):
    items.at_target(
        "INSERT INTO items SELECT i, 'old', '2001-01-01'"
        f" FROM generate_series(10, {DELETE_ROWS + 9}) AS i"
    )

    run = items.run(a_job(retention=FOREVER))

    assert (run.tally.deleted, ids(items)) == (DELETE_ROWS + 2, [3])
    assert items.rows("SELECT count(*) FROM quper.sync_batches WHERE rows_deleted > 0") == [(2,)]


def test_old_rows_of_every_partition_go(rig: Rig):
    rig.at_source(ITEMS)
    rig.at_target(
        "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
        " PARTITION BY HASH (id)",
        *(
            f"CREATE TABLE items_{i} PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER {i})"
            for i in (0, 1)
        ),
    )
    rig.run(a_job())
    rig.at_target("INSERT INTO items SELECT i, 'old', '2001-01-01' FROM generate_series(1, 8) AS i")

    assert rig.run(a_job(retention=FOREVER)).tally.deleted == 8


def test_a_date_watermark_keeps_whole_days(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    job = a_job(retention=FOREVER, watermark=WATERMARK | {"overlap": "1d"})
    rig.run(job)
    rig.at_target("INSERT INTO items VALUES (1, 'old', '2001-01-01'), (2, 'n', '2026-02-28')")

    rig.run(job)

    assert ids(rig) == [2]


def test_a_column_name_with_a_percent_sign_is_only_a_name(rig: Rig):
    rig.at_both('CREATE TABLE items (id int PRIMARY KEY, "%s%" timestamp)')
    sql = 'SELECT * FROM items WHERE "%s%" >= :low AND "%s%" < :high'
    job = a_job(sql=sql, retention=FOREVER, watermark=WATERMARK | {"column": "%s%"})
    rig.run(job)
    rig.at_target("INSERT INTO items VALUES (1, '2001-01-01')")

    run = rig.run(job)

    assert (run.status, run.tally.deleted) == (Status.SUCCESS, 1), run.error


def test_the_right_to_delete_is_asked_for_before_anything_is_read(items: Rig):
    items.at_target("REVOKE DELETE ON items FROM quper_writer")

    run = items.run(a_job(retention=FOREVER))

    assert run.error_code == "permission-denied"
    assert run.hint == 'GRANT DELETE ON public.items TO "quper_writer"'
