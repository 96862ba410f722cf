"""Rows that appear behind what was read already are counted with their age."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qupersync.domain.job import Job
from qupersync.domain.run import Run
from qupersync.domain.watermark import Window
from tests.pipeline.rig import NOON, SETTLED, WATERMARK, Rig, a_job, correct

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STORED = "SELECT rows_late, late_max_ms FROM quper.{} ORDER BY {} DESC LIMIT 1"


def appear(rig: Rig, *moments: str, at: str = "2026-03-01 12:05") -> None:
    """Let rows appear at the source, and its clock go on."""
    for moment in moments:
        rig.at_source(f"INSERT INTO items SELECT 100 + count(*), 'done', '{moment}' FROM items")
    rig.at_source(f"UPDATE clock SET moment = '{at}'")


def told(run: Run) -> tuple[dict[str, int], timedelta, tuple[str, ...]]:
    return run.lateness.histogram(), run.lateness.longest, run.warnings


def test_a_row_that_appears_behind_the_watermark_is_late(items: Rig):
    items.run(a_job())
    appear(items, "2026-03-01 11:48", "2026-03-01 12:01")

    run = items.run(a_job())

    assert (run.tally.inserted, told(run)) == (2, ({"15m": 1}, 12 * MINUTE, ()))
    assert items.rows(STORED.format("sync_logs", "started_at")) == [(1, 720_000)]
    assert items.rows(STORED.format("sync_batches", "batch_seq")) == [(1, 720_000)]
    assert items.rows("SELECT rows_late FROM quper.sync_status_v1") == [(1,)]


def test_a_row_is_late_once(items: Rig):
    items.run(a_job())
    appear(items, "2026-03-01 11:48")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'changed'")

    run = items.run(a_job())

    assert (run.tally.updated, run.lateness.rows) == (1, 0)


def test_no_row_of_a_first_run_is_late(items: Rig):
    appear(items, "2026-03-01 11:48")

    assert items.run(a_job()).lateness.rows == 0


def test_late_rows_are_counted_by_age_over_all_batches(items: Rig):
    items.run(a_job())
    appear(items, "2026-03-01 11:59:30", "2026-03-01 11:58", "2026-03-01 11:55", "2026-03-01 11:31")

    run = items.run(a_job(batch_size=1))

    assert run.batches == 4
    assert told(run) == ({"1m": 1, "5m": 2, "1h": 1}, 29 * MINUTE, ())


def test_a_row_in_the_farther_half_of_the_overlap_says_which_overlap_is_enough(items: Rig):
    items.run(a_job())
    appear(items, "2026-03-01 11:20")

    run = items.run(a_job())

    warning = "rows appear up to 40m late, the overlap is 1h: set overlap: 1h20m"
    assert run.warnings == (warning,)
    [(kept,)] = items.rows("SELECT warnings FROM quper.sync_status_v1")
    assert kept == [warning]


def test_a_row_of_today_is_not_late_and_one_of_yesterday_is(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    job = a_job(watermark=WATERMARK | {"overlap": "2d", "initial": "3d"})
    rig.run(job)
    appear(rig, "2026-02-28", "2026-03-01", at="2026-03-01 12:05")

    run = rig.run(job)

    assert (run.tally.inserted, told(run)) == (2, ({"1d": 1}, timedelta(days=1), ()))


def test_behind_a_watermark_that_is_held_rows_are_late_from_where_the_last_run_ended(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'running', '2026-03-01 09:00'),"
        " (2, 'done', '2026-03-01 11:00')"
    )
    held = items.run(a_job(watermark=SETTLED))
    appear(items, "2026-03-01 11:40")

    run = items.run(a_job(watermark=SETTLED))

    assert (held.watermark_after, held.lateness.rows) == (NOON - 3 * HOUR, 0)
    assert told(run) == ({"1h": 1}, 20 * MINUTE, ())


def test_a_window_that_somebody_chose_tells_nothing_of_lateness(items: Rig):
    items.run(a_job())
    appear(items, "2026-03-01 11:48")

    run = items.run(a_job(), window=Window(NOON - HOUR, NOON))

    assert (run.tally.inserted, run.lateness.rows) == (1, 0)


def test_what_is_new_behind_a_watermark_that_somebody_set_is_not_late(items: Rig):
    items.run(a_job())
    correct(items, a_job(), NOON - HOUR)
    appear(items, "2026-03-01 10:30", "2026-03-01 11:30")

    after_that = items.run(a_job())
    appear(items, "2026-03-01 12:01", at="2026-03-01 12:10")
    usual = items.run(a_job())

    assert (after_that.tally.inserted, after_that.lateness.rows) == (2, 0)
    assert (usual.tally.inserted, usual.lateness.rows) == (1, 1)


def die_half_way(rig: Rig, job: Job, **order: Any) -> None:
    def die(run: Run) -> None:
        if run.batches == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(rig.use_case(), on_step=die)(job, rig.order(**order))
    rig.at_target("UPDATE quper.qupersync_leases SET lease_expires_at = now()")


WEEK = (
    "INSERT INTO items SELECT i, 'n', timestamp '2026-03-01 11:00' - i * interval '1 day'"
    " FROM generate_series(0, 6) AS i"
)


def test_behind_a_watermark_that_was_set_back_no_row_is_late_though_a_run_died(items: Rig):
    items.at_source(WEEK)
    items.run(a_job())
    items.at_target("TRUNCATE items")
    correct(items, a_job(), NOON - timedelta(days=6))
    die_half_way(items, a_job())

    run = items.run(a_job())

    assert (run.tally.inserted, run.lateness.rows) == (4, 0)


def test_no_row_of_a_new_target_is_late_though_its_first_run_died(items: Rig):
    items.at_source(WEEK)
    items.run(a_job())
    items.at_target("CREATE TABLE other (LIKE items INCLUDING ALL)")
    other = a_job(target="public.other")
    die_half_way(items, other, from_initial=True)

    run = items.run(other)

    assert (run.tally.inserted, run.lateness.rows) == (4, 0)


def test_a_number_watermark_has_no_lateness(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )
    rig.at_source("INSERT INTO items VALUES (1, 100)")
    rig.run(job)
    rig.at_source("INSERT INTO items VALUES (2, 95)")

    run = rig.run(job)

    assert (run.tally.inserted, run.lateness.rows) == (1, 0)
