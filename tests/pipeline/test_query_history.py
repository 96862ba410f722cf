"""The built-in query_history from end to end: running queries, late rows, and none of them lost."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import build_warehouse
from qupersync.domain.job import Flavor
from qupersync.domain.query import bound
from qupersync.domain.run import Status
from qupersync.domain.watermark import Window
from tests.pipeline.rig import Rig
from tests.standin.warehouses import JOBS, NOW

JOB = JOBS["query_history"]
OPEN = "SELECT min(start_time) FROM standin.query WHERE status IN ('running', 'queued')"
WEEK = Window(NOW - timedelta(days=8), NOW + timedelta(days=1))
SEEN = f"({bound(JOB.sql_for(Flavor.PROVISIONED) or '', WEEK)}) AS seen"
STATES = "SELECT transaction_id, query_id, status FROM {} ORDER BY 1, 2"
RUNNING = f"SELECT count(*) FROM {SEEN} WHERE status IN ('running', 'queued')"
# A query of 20 minutes before the oldest running one, which the log shows only now.
LATE = f"""
INSERT INTO standin.query
SELECT 1000000, session_no, dice, ({OPEN}) - interval '20 minutes', 1000, 999999, 999999999,
       session_id, user_id, database_name, ({OPEN}) - interval '19 minutes', 'success', query_type,
       'SELECT 1' FROM standin.query WHERE n = 2000
"""
FINISH = """
UPDATE standin.query SET status = 'success' WHERE status IN ('running', 'queued')
"""
HALF_AN_HOUR_LATER = "UPDATE standin.knobs SET now = now + interval '30 minutes'"


@pytest.fixture
def rig(server: PostgresAddress, empty_database: str, target: str) -> Iterator[Rig]:
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor="provisioned", rows=2_000, now=NOW)
    with StandIn(upstream=server) as stand_in:
        yield Rig(source=empty_database, target=target, stand_in=stand_in)


def test_running_queries_and_late_rows_end_in_the_target_as_they_end_at_the_source(rig: Rig):
    [(oldest_open,)] = rig.source_rows(OPEN)
    [(running,)] = rig.source_rows(RUNNING)

    first = rig.run(JOB)
    rig.at_source(LATE, FINISH, HALF_AN_HOUR_LATER)
    second = rig.run(JOB)
    third = rig.run(JOB)

    assert first.status is Status.SUCCESS, first.error
    assert first.watermark_after is not None
    assert str(first.watermark_after).startswith(str(oldest_open)), "held back by the oldest open"
    assert second.watermark_after is not None
    assert str(second.watermark_after) > str(NOW + timedelta(minutes=29))
    assert (second.tally.inserted, second.tally.updated, second.lateness.rows) == (1, running, 1)
    assert third.tally.upserted == third.tally.unchanged
    assert rig.rows(STATES.format(JOB.target)) == rig.source_rows(STATES.format(SEEN))
