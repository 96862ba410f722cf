"""What an incremental job loads, counts and remembers."""

from datetime import UTC, datetime, timedelta

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import NOON, Rig, a_job

TABLE = "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"


@pytest.fixture
def items(rig: Rig) -> Rig:
    rig.at_both(TABLE)
    return rig


def test_a_first_run_loads_what_is_younger_than_initial(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'old', '2026-02-22 11:59:59'), (2, 'new', '2026-02-22 12:00')"
    )

    run = items.run(a_job())

    assert run.status is Status.SUCCESS, run.error
    assert run.tally == Tally(extracted=1, inserted=1)
    assert items.rows("SELECT id, name FROM items") == [(2, "new")]


def test_a_run_advances_the_watermark_to_the_sources_clock_less_the_lag(items: Rig):
    run = items.run(a_job(watermark={**a_job().watermark.model_dump(), "lag": "90s"}))

    assert run.watermark_after == NOON - timedelta(seconds=90)
    assert items.rows("SELECT watermark, watermark_type FROM quper.qupersync_state") == [
        ("2026-03-01T11:58:30.000000Z", "timestamp")
    ]


def test_a_second_run_reads_the_overlap_again_and_writes_nothing_unchanged(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30'), (2, 'b', '2026-03-01')")
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-01 12:05'")

    run = items.run(a_job())

    assert run.window.low == datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert run.tally == Tally(extracted=1, unchanged=1)


def test_a_changed_row_is_updated(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'b'")

    run = items.run(a_job())

    assert run.tally == Tally(extracted=1, updated=1)
    assert items.rows("SELECT name FROM items") == [("b",)]
