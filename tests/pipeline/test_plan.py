"""A plan says what the next run would do, in the words of that run, and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from qupersync.application.plan import Planner
from qupersync.domain.errors import QuperSyncError
from qupersync.domain.job import Flavor, Job
from qupersync.domain.plan import Plan, Prospect
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.leases import Leases
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.target import Target
from tests.pipeline.rig import NOON, SETTLED, WATERMARK, Rig, a_job, a_snapshot

SPY = """
CREATE TABLE spied (); CREATE FUNCTION spy() RETURNS int LANGUAGE plpgsql AS
'BEGIN INSERT INTO spied DEFAULT VALUES; RETURN 1; END'
"""
NOTE_STATEMENTS = """
CREATE TABLE noted (statement text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO public.noted VALUES (current_query()); RETURN NULL; END';
CREATE TRIGGER note AFTER INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION note()
"""
OWN_TABLES = "SELECT 'quper.' || tablename FROM pg_tables WHERE schemaname = 'quper'"
ADVANCED = "UPDATE clock SET moment = '2026-03-01 13:00:00'"


@contextmanager
def read_only(rig: Rig) -> Iterator[Target]:
    with postgres.connected(rig.target, read_only=True) as session:
        leases = Leases(session, "default", "a plan", 60.0)
        yield Target(session, leases, RunLog(session, "host", 1, "0"))


def a_plan(rig: Rig, job: Job, *, counts: bool = False, **order: Any) -> Plan:
    planner = Planner(
        open_source=rig.open_source, open_target=partial(read_only, rig), counts=counts
    )
    return planner(job, rig.order(**order))


def versions(rig: Rig) -> list[Any]:
    """Every row version of QuperSync's own tables, and the next fencing token."""
    tables = [name for (name,) in rig.rows(OWN_TABLES)]
    rows = [rig.rows(f"SELECT xmin, xmax, t FROM {name} AS t ORDER BY ctid") for name in tables]
    return [*zip(tables, rows, strict=True), rig.rows("SELECT * FROM quper.qupersync_fence_seq")]


def test_the_first_run_is_planned_from_initial(items: Rig):
    plan = a_plan(items, a_job())

    assert (plan.prospect, plan.pieces) == (Prospect.LOAD, 7)
    assert plan.why == (
        "from initial, 7d: there is no watermark to go on from; "
        "up to the source's clock 2026-03-01T12:00:00.000000Z less lag 0s"
    )


def test_the_next_run_is_planned_from_the_watermark_less_the_overlap(items: Rig):
    items.run(a_job())
    items.at_source(ADVANCED)

    plan = a_plan(items, a_job())

    assert plan.why.startswith("from watermark 2026-03-01T12:00:00.000000Z less overlap 1h; up to")
    assert plan.sql == (
        "SELECT * FROM items WHERE changed >= timestamp '2026-03-01 11:00:00.000000'"
        " AND changed < timestamp '2026-03-01 13:00:00.000000'"
    )


@pytest.mark.parametrize("from_initial", [False, True])
def test_a_run_reads_the_window_that_was_planned(items: Rig, *, from_initial: bool):
    job = a_job()
    planned = [a_plan(items, job)]
    ran = [items.run(job)]
    items.at_source(ADVANCED)
    planned.append(a_plan(items, job, from_initial=from_initial))
    ran.append(items.run(job, from_initial=from_initial))

    assert [plan.window for plan in planned] == [run.window for run in ran]
    assert [plan.pieces for plan in planned] == [run.batches for run in ran]


def test_a_date_is_planned_to_the_end_of_its_day(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed date)")
    job = a_job(watermark=WATERMARK | {"overlap": "1d"})

    plan = a_plan(rig, job)

    assert "up to the end of the day of the source's clock" in plan.why
    assert plan.window == rig.run(job).window


def test_a_number_is_planned_up_to_the_newest(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 5, "overlap": 2},
    )

    plan = a_plan(rig, job)

    assert plan.sql == "SELECT * FROM items WHERE changed >= 5"
    assert plan.why.endswith("; up to the newest number")


@pytest.mark.parametrize("load", ["copy", "executemany"])
@pytest.mark.parametrize("job", [a_job(watermark=WATERMARK | {"chunk": "30d"}), a_snapshot()])
def test_the_merge_is_the_statement_that_runs(items: Rig, job: Job, load: str):
    job = job.model_copy(update={"load": load})
    items.at_target(NOTE_STATEMENTS)
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    items.run(job)
    items.at_target("TRUNCATE noted")
    # Of keys that are close the range is read, which no plan can know.
    items.at_source(
        "INSERT INTO items SELECT i, 'b', '2026-03-01 11:30' FROM unnest('{2,99}'::int[]) AS i"
    )
    plan = a_plan(items, job)

    items.run(job)

    assert items.rows("SELECT btrim(statement, E'\\n') FROM noted") == [(plan.merge,)]
    assert ("qupersync_raw" in plan.merge) is (load == "copy")


def test_without_columns_the_merge_has_those_that_the_query_returns(items: Rig):
    plan = a_plan(items, a_snapshot(sql="SELECT id, changed FROM items -- no names"))

    assert 'INSERT INTO "public"."items" ("id", "changed")' in plan.merge


def test_a_watermark_that_stayed_behind_is_told(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'open', '2026-03-01 10:00')")
    items.run(a_job(watermark=SETTLED))

    [note] = a_plan(items, a_job(watermark=SETTLED)).notes

    assert note.startswith("the last run read up to 2026-03-01T12:00:00.000000Z, the watermark")
    assert a_plan(items, a_job()).notes == ()


def test_a_watermark_that_somebody_set_is_told_until_a_run_moves_it(items: Rig):
    items.run(a_job())
    with items.open_target() as target:
        lease = target.leases.claim(a_job(), uuid4())
        assert lease is not None
        target.table(a_job(), lease).correct(NOON - timedelta(days=3), "somebody")
        target.leases.release(lease)

    assert a_plan(items, a_job()).notes == (
        "somebody set the watermark, and no run has moved it since",
    )
    items.run(a_job())
    assert a_plan(items, a_job()).notes == ()


def test_a_gap_is_foretold_and_the_run_finds_it(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")
    items.run(a_job())
    items.at_source(
        "UPDATE clock SET moment = '2026-03-05 12:00:00'",
        "UPDATE items SET changed = '2026-03-05 09:00:00'",
    )

    [note] = a_plan(items, a_job()).notes

    gap = "2026-03-01T12:00:00.000000Z to 2026-03-05T09:00:00.000000Z"
    assert note == (f"gap to come: the source no longer holds {gap}, rows of that span may be lost")
    assert gap in items.run(a_job()).warnings[0]


def test_a_clock_behind_the_watermark_leaves_nothing_to_read(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-02-01 12:00:00'")

    plan = a_plan(items, a_job())

    assert (plan.pieces, plan.sql, plan.merge) == (0, "", "")
    assert plan.notes == ("the source's clock is behind the watermark: nothing to read",)


def test_a_snapshot_tells_what_it_may_delete(items: Rig):
    plan = a_plan(items, a_snapshot())

    assert (plan.window, plan.sql) == (None, "SELECT * FROM items")
    assert plan.notes == ("rows that the query does not return are deleted, at most 50%",)
    assert a_plan(items, a_snapshot(delete_missing=False)).notes == ()


def test_retention_is_told(items: Rig):
    plan = a_plan(items, a_job(retention="90d"))

    assert plan.notes == ("rows older than 90d are deleted after it",)


def test_rows_are_counted_only_if_asked(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'a', '2026-02-25'), (2, 'b', '2026-02-28'), (3, 'c', NULL)"
    )

    assert a_plan(items, a_job()).rows is None
    assert a_plan(items, a_job(), counts=True).rows == 2
    assert a_plan(items, a_snapshot(), counts=True).rows == 3


def test_a_job_without_sql_for_this_redshift_is_skipped(items: Rig):
    job = a_snapshot(sql={"provisioned": "SELECT * FROM items"})

    plan = a_plan(items, job, flavor=Flavor.SERVERLESS)

    assert (plan.prospect, plan.why) == (
        Prospect.SKIP, "the job has no SQL for serverless Redshift",
    )  # fmt: skip


def test_a_target_that_does_not_fit_is_told_with_all_its_differences(items: Rig):
    job = a_job(
        columns={"id": "bigint", "nick": "text", "changed": "timestamp"}, key=["id", "changed"]
    )

    plan = a_plan(items, job)

    assert plan.prospect is Prospect.FAIL
    for difference in ("'id' is integer, the job says bigint", "'nick' is missing", "no unique"):
        assert difference in str(plan.error)


def test_a_missing_target_is_told_with_the_command_that_makes_it(items: Rig):
    plan = a_plan(items, a_job(target="public.nowhere"))

    assert (plan.prospect, plan.error and plan.error.hint) == (
        Prospect.FAIL, "qupersync db create items",
    )  # fmt: skip


def test_a_filled_target_without_state_is_an_error_unless_read_from_initial(items: Rig):
    items.at_target("INSERT INTO items VALUES (1, 'whose?', now())")

    refused, allowed = a_plan(items, a_job()), a_plan(items, a_job(), from_initial=True)

    assert (refused.prospect, refused.error and refused.error.code) == (
        Prospect.FAIL, "state-missing",
    )  # fmt: skip
    assert (allowed.prospect, allowed.pieces) == (Prospect.LOAD, 7)


def test_who_holds_the_job_is_told_even_beside_an_error(items: Rig):
    job = a_job(target="public.nowhere")
    with items.open_target("somebody") as target:
        lease = target.leases.claim(job, owner := uuid4())
        assert lease is not None
        held = a_plan(items, job).held_by
        target.leases.release(lease)

    assert held.startswith(f"run {owner}, somebody, since 20")
    assert a_plan(items, job).held_by == ""


@pytest.mark.parametrize(
    "job", [a_job(), a_job(target="public.nowhere"), a_job(watermark=SETTLED), a_snapshot()]
)
@pytest.mark.parametrize("ran_before", [False, True])
def test_nothing_is_written(items: Rig, job: Job, *, ran_before: bool):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")
    if ran_before:
        items.run(a_job())
    before = versions(items)

    a_plan(items, job, counts=True, from_initial=True)
    a_plan(items, job, counts=True)

    assert versions(items) == before
    assert len(items.rows("SELECT FROM items")) == ran_before


def test_through_its_connection_nothing_could_be_written(items: Rig):
    items.run(a_job())

    with read_only(items) as target:
        with pytest.raises(QuperSyncError, match="read-only transaction"):
            target.leases.claim(a_job(), uuid4())
        with pytest.raises(QuperSyncError, match="read-only transaction"):
            target.session.execute("UPDATE quper.qupersync_state SET batch_seq = 9")


def test_a_query_that_would_write_at_the_source_is_refused(items: Rig):
    items.at_source(SPY, "INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")

    plan = a_plan(items, a_job(sql=f"{a_job().sql} AND spy() = 1"), counts=True)

    assert "oldest row is not known" in plan.notes[0]
    assert "read-only transaction" in str(plan.error)
    assert items.source_rows("SELECT FROM spied") == []
