"""What the flavors and the windows of the built-in jobs must not change: the rows in the end."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest

from qupersync.domain.job import Job
from qupersync.domain.watermark import Window
from tests.standin.warehouses import (
    JOBS,
    NOW,
    Row,
    a_warehouse,
    by_key,
    comparable,
    everything,
    in_days,
    in_utc,
    read,
    watermark_of,
)

INCREMENTAL = [name for name, job in JOBS.items() if job.mode == "incremental"]
BOTH = pytest.mark.parametrize("flavor", ["provisioned", "serverless"])


@pytest.fixture(scope="module")
def warehouses(server) -> Iterator[dict[str, psycopg.Connection]]:
    with a_warehouse(server, "provisioned") as one, a_warehouse(server, "serverless") as other:
        yield {"provisioned": one, "serverless": other}


# What one flavor cannot know: STL has its own query ids, no end of a failed vacuum, and no names
# of tables that are gone; SYS has no advice, and no transaction beside a warning.
UNEQUAL = {
    "alert_events": ("query_id", "event_time", "solution", "transaction_id"),
    "table_scan_stats": (),
    "vacuum_history": ("end_time", "database_name", "schema_name", "table_name"),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_both_flavors_tell_the_same(warehouses, name):
    warehouse = warehouses["provisioned"]  # it has the views of both
    stl, sys = (
        comparable(warehouse, everything(warehouse, flavor, name), *UNEQUAL[name])
        for flavor in ("provisioned", "serverless")
    )

    assert stl
    assert stl == sys


def test_both_flavors_tell_the_same_of_a_finished_vacuum_of_a_present_table(warehouses):
    stl, sys = (
        [
            row
            for row in everything(warehouses["provisioned"], flavor, "vacuum_history")
            if row["status"] == "complete" and row["table_id"] < 2_000_000_000
        ]
        for flavor in ("provisioned", "serverless")
    )

    assert len(stl) > 5
    assert sorted(map(str, stl)) == sorted(map(str, sys))


def test_one_transaction_that_deletes_and_sorts_is_two_vacuums(warehouses):
    pairs = [
        (row["transaction_id"], row["vacuum_type"], row["status"])
        for row in everything(warehouses["provisioned"], "provisioned", "vacuum_history")
        if row["transaction_id"] == 800000003
    ]

    assert sorted(pairs) == [(800000003, "delete", "complete"), (800000003, "sort", "complete")]


def test_a_running_vacuum_gets_its_end_when_it_is_read_again(warehouses):
    warehouse, job = warehouses["provisioned"], JOBS["vacuum_history"]
    running = [row for row in everything(warehouse, "provisioned", job.name) if unsettled(job, row)]
    with warehouse.transaction(force_rollback=True):
        warehouse.execute(
            "UPDATE standin.vacuum SET fate = 'complete', end_time = start_time + interval '3 h',"
            " reclaimed = 1, reclaimed_blocks = 1 WHERE fate = 'running'"
        )
        again = by_key(job, everything(warehouse, "provisioned", job.name))

    assert [row["status"] for row in running] == ["running"]
    (key,) = by_key(job, running)
    assert (again[key]["status"], again[key]["reclaimed_rows"]) == ("complete", 1)


def unsettled(job: Job, row: Row) -> bool:
    settled = watermark_of(job).settled
    return settled is not None and row[settled.column] not in settled.values


# The log as it stood at a moment in the past.
GO_BACK = (
    "DELETE FROM standin.session_event WHERE record_time >= %(then)s",
    "DELETE FROM standin.step WHERE end_time >= %(then)s",
    "DELETE FROM standin.query WHERE start_time >= %(then)s",
    "UPDATE standin.query SET status = 'running' WHERE end_time > %(then)s AND status <> 'queued'",
    "DELETE FROM standin.vacuum WHERE start_time >= %(then)s",
    """UPDATE standin.vacuum SET fate = 'running', end_time = NULL, reclaimed = NULL,
    reclaimed_blocks = NULL WHERE end_time > %(then)s""",
)
MIDDLES = """
(SELECT start_time + (end_time - start_time) / 2 FROM standin.vacuum WHERE fate = 'complete'
 ORDER BY end_time - start_time DESC LIMIT 2)
UNION ALL
(SELECT min(record_time) + (max(record_time) - min(record_time)) / 2 FROM standin.session_event
 GROUP BY session_no HAVING count(*) > 4 ORDER BY session_no LIMIT 2)
UNION ALL
(SELECT start_time + (end_time - start_time) / 2 FROM standin.query
 WHERE user_id > 1 AND status = 'success' ORDER BY elapsed_us DESC LIMIT 2)
UNION ALL
(SELECT q.start_time + (s.end_time - q.start_time) / 2
 FROM standin.step AS s JOIN standin.query AS q USING (n)
 WHERE alert IS NOT NULL AND user_id > 1 ORDER BY s.end_time - q.start_time DESC LIMIT 2)
UNION ALL
SELECT timestamp '2026-03-09 15:30' - n * interval '36 hours' FROM generate_series(0, 4) AS n
"""


def read_run_by_run(connection: psycopg.Connection, flavor, job: Job) -> list[Row]:
    """Read as runs would that came in the middle of vacuums, sessions and days; later rows win."""
    moments = sorted(in_utc(moment) for (moment,) in connection.execute(MIDDLES))
    stored: dict[object, Row] = {}
    watermark = NOW - timedelta(days=8)
    for moment in moments:
        with connection.transaction(force_rollback=True):
            for statement in GO_BACK:
                connection.execute(statement, {"then": moment.replace(tzinfo=None)})
            rows = read(connection, job, flavor, window_from(job, watermark, moment))
        stored |= by_key(job, rows)
        held = [in_utc(row[watermark_of(job).column]) for row in rows if unsettled(job, row)]
        watermark = min([moment, *held])
    return list(stored.values())


def window_from(job: Job, watermark: datetime, moment: datetime) -> Window:
    overlap = watermark_of(job).overlap
    assert isinstance(overlap, timedelta)
    window = Window(watermark - overlap, moment)
    return in_days(window) if job.name == "table_scan_stats" else window


@BOTH
@pytest.mark.parametrize("name", INCREMENTAL)
def test_runs_that_cut_a_vacuum_a_session_and_a_day_end_as_one_big_window(warehouses, flavor, name):
    warehouse, job = warehouses[flavor], JOBS[name]

    one_by_one = read_run_by_run(warehouse, flavor, job)

    whole = everything(warehouse, flavor, name)
    assert len(whole) > 10
    assert comparable(warehouse, one_by_one) == comparable(warehouse, whole)


@BOTH
def test_a_day_of_which_redshift_dropped_a_part_is_not_read_again(warehouses, flavor):
    days = {row["day"] for row in everything(warehouses[flavor], flavor, "table_scan_stats")}

    assert min(days) == (NOW - timedelta(days=6)).date()
