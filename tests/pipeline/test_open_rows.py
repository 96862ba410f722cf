"""Rows that may still change hold the watermark until they are settled."""

from datetime import UTC, datetime, timedelta

from tests.pipeline.rig import COLUMNS, NOON, SETTLED, Rig, a_job


def test_the_oldest_open_row_holds_the_watermark(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'done', '2026-03-01 08:00'),"
        " (2, 'running', '2026-03-01 09:00'), (3, NULL, '2026-03-01 10:00')"
    )

    run = items.run(a_job(watermark=SETTLED))

    assert run.watermark_after == NOON - timedelta(hours=3)


def test_an_open_row_ends_up_with_its_final_state(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'running', '2026-03-01 08:00')")
    items.run(a_job(watermark=SETTLED))
    items.at_source(
        "UPDATE items SET name = 'done'", "UPDATE clock SET moment = '2026-03-01 13:00'"
    )

    run = items.run(a_job(watermark=SETTLED))

    assert items.rows("SELECT name FROM items") == [("done",)]
    assert run.watermark_after == NOON + timedelta(hours=1)


def test_an_open_row_of_an_early_piece_holds_the_watermark_of_later_ones(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'running', '2026-02-28 13:00'),"
        " (2, 'done', '2026-03-01 11:00')"
    )

    run = items.run(a_job(watermark=SETTLED | {"max_hold": "7d", "chunk": "6h"}))

    assert run.watermark_after == datetime(2026, 2, 28, 13, tzinfo=UTC)


def test_a_row_that_is_open_for_too_long_is_given_up_and_told_once(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'running', '2026-03-01 05:30')")

    first, second = items.run(a_job(watermark=SETTLED)), items.run(a_job(watermark=SETTLED))

    assert first.watermark_after == NOON
    assert first.warnings == ("1 rows were not settled within max_hold and are not waited for",)
    assert second.warnings == ()


def test_an_open_row_that_is_rejected_holds_the_watermark_too(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, NULL, '2026-03-01 10:00')")
    job = a_job(watermark=SETTLED, columns=COLUMNS | {"name": {"type": "text", "required": True}})

    open_run = items.run(job)
    items.at_source(
        "UPDATE items SET name = 'done'", "UPDATE clock SET moment = '2026-03-01 15:00'"
    )
    items.run(job)

    assert open_run.watermark_after == NOON - timedelta(hours=2)
    assert items.rows("SELECT name FROM items") == [("done",)]


def test_a_settled_column_that_the_query_lacks_is_told_as_the_jobs_mistake(items: Rig):
    job = a_job(
        sql="SELECT id, changed FROM items WHERE changed >= :low AND changed < :high",
        watermark=SETTLED,
    )

    assert items.run(job).error_code == "column-missing"
