"""Watermarks of every type, and rows that none of them speaks for."""

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import NOON, WATERMARK, Rig, a_job


def test_rows_without_a_watermark_or_outside_the_window_are_loaded_and_told(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'a', NULL), (2, 'b', '2096-01-01'), (3, 'c', 'infinity')"
    )

    job = a_job(
        sql="SELECT * FROM items WHERE :low < :high", watermark=WATERMARK | {"initial": "1h"}
    )
    run = items.run(job)

    assert run.watermark_after == NOON
    assert run.warnings == (
        "1 rows without a watermark value were loaded",
        "2 rows outside the window were loaded; they do not move the watermark",
    )


def test_a_date_watermark_reads_today_again_tomorrow(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01'), (2, 'b', '2026-02-27')")
    job = a_job(watermark=WATERMARK | {"overlap": "1d", "initial": "3d"})
    rig.run(job)
    rig.at_source("UPDATE items SET name = 'new'", "UPDATE clock SET moment = '2026-03-02 00:10'")

    run = rig.run(job)

    assert rig.rows("SELECT watermark FROM quper.qupersync_state") == [("2026-03-02",)]
    assert rig.rows("SELECT id, name FROM items ORDER BY id") == [(1, "new"), (2, "b")]
    assert run.tally == Tally(extracted=1, updated=1)


def test_a_number_watermark_becomes_the_largest_value_seen(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    rig.at_source("INSERT INTO items SELECT i, i * 10 FROM generate_series(1, 5) AS i")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )

    first, idle = rig.run(job), rig.run(job)

    assert (first.tally.inserted, first.watermark_after) == (5, 50)
    assert (idle.tally.unchanged, idle.watermark_after) == (2, 50)


def test_a_watermark_keeps_its_microseconds(items: Rig):
    items.at_source("UPDATE clock SET moment = '2026-03-01 12:00:00.000001'")
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 12:00:00.000000')")

    run = items.run(a_job(watermark=WATERMARK | {"overlap": "0s"}))

    assert run.tally.inserted == 1
    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-01T12:00:00.000001Z",)
    ]


@pytest.mark.parametrize(
    "watermark", [WATERMARK | {"column": "name"}, {"column": "changed", "initial": 0, "overlap": 1}]
)
def test_a_watermark_that_does_not_fit_the_targets_column_is_told(items: Rig, watermark):
    low_only = "SELECT * FROM items WHERE id >= :low"
    job = (
        a_job(watermark=watermark)
        if "lag" in watermark
        else a_job(sql=low_only, watermark=watermark)
    )

    assert items.run(job).error_code == "target-mismatch"


def test_a_number_watermark_without_rows_stays_as_it_is(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )

    run = rig.run(job)

    assert (run.status, run.watermark_after) == (Status.SUCCESS, None)


def test_a_watermark_column_that_the_target_lacks_is_found_before_anything_is_read(items: Rig):
    items.at_target("ALTER TABLE items DROP COLUMN changed")

    run = items.run(a_job(sql="SELECT 1/0 AS id WHERE :low < :high"))

    assert (run.status, run.error_code) == (Status.FAILED, "column-missing")
