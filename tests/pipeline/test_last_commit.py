"""A run ends in one commit, and one whose answer never comes is found out."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import psycopg
import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.errors import StoppedError
from qupersync.domain.job import Job
from qupersync.domain.ports import Doubt
from qupersync.domain.run import Status
from qupersync.infrastructure.postgres import doubts, session
from tests.pipeline.rig import NOON, WATERMARK, Rig, a_job, a_snapshot

WRITERS = """
SELECT (SELECT xid FROM quper.sync_batches ORDER BY batch_seq DESC LIMIT 1),
       (SELECT xmin::text FROM quper.sync_logs), (SELECT xmin::text FROM quper.qupersync_leases),
       (SELECT xmin::text FROM quper.qupersync_state), (SELECT xmin::text FROM quper.sync_attempts)
"""


@pytest.mark.parametrize(
    "job",
    [
        a_job(batch_size=1),
        a_job(watermark=WATERMARK | {"chunk": "1d"}),
        a_job(sql="SELECT * FROM items WHERE false AND changed >= :low AND changed < :high"),
        a_snapshot(),
    ],
    ids=["batches", "pieces", "no rows", "snapshot"],
)
def test_the_last_rows_the_record_and_the_lease_change_in_one_transaction(items: Rig, job: Job):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00'), (2, 'b', '2026-03-01')")

    assert items.run(job).status is Status.SUCCESS

    [writers] = items.rows(WRITERS)
    assert len(set(writers)) == 1


def test_with_retention_the_last_deletion_closes_the_run(items: Rig):
    items.at_target("INSERT INTO items VALUES (9, 'old', '2020-01-01')")
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")

    run = items.run(a_job(retention="90d"), from_initial=True)

    assert (run.status, run.tally.deleted) == (Status.SUCCESS, 1)
    [(batch, *writers)] = items.rows(WRITERS)
    assert {batch, *writers} == {batch}


@pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
def test_a_run_that_its_own_commit_has_closed_stays_as_it_is_and_the_caller_is_told(
    items: Rig, job: Job
):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")
    ended = items.run(job)
    unknowing = replace(ended, tally=Tally(), batches=0, watermark_after=None)

    with items.open_target() as target:
        told = target.runs.close(unknowing.ended_by(StoppedError(), NOON))

    assert told == replace(ended, lateness=told.lateness)
    assert items.rows("SELECT status FROM quper.sync_logs") == [("success",)]


def undecided(connection: psycopg.Connection[Any]) -> None:
    """Leave the transaction open, as a server does that has not heard of the client's end."""


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        (psycopg.Connection.commit, True),
        (psycopg.Connection.rollback, False),
        (undecided, False),
    ],
)
def test_a_commit_without_an_answer_is_found_out(
    items: Rig, ends: Callable[[psycopg.Connection[Any]], None], *, counts: bool
):
    with psycopg.connect(items.target) as broken, session.connected(items.target) as ours:
        [xid] = broken.execute("SELECT pg_current_xact_id()::text").fetchone() or ["?"]
        broken.execute("INSERT INTO items VALUES (1)")
        doubt = Doubt(xid=xid, pid=broken.info.backend_pid)
        ends(broken)

        assert doubts.outcome(ours, doubt, Event().wait) is counts
        broken.close()
    assert items.rows("SELECT count(*) FROM items") == [(int(counts),)]


def test_a_session_that_has_the_process_id_by_now_is_left_alone(items: Rig):
    with (
        psycopg.connect(items.target) as open_,
        psycopg.connect(items.target) as other,
        session.connected(items.target) as ours,
    ):
        [xid] = open_.execute("SELECT pg_current_xact_id()::text").fetchone() or ["?"]
        other.execute("INSERT INTO items VALUES (1)")

        doubt = Doubt(xid=xid, pid=other.info.backend_pid)
        assert doubts.outcome(ours, doubt, lambda _: True) is None

        other.commit()
    assert items.rows("SELECT count(*) FROM items") == [(1,)]
