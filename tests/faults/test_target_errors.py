"""Each error of the target has its end: tried again, kept for later, or told at once."""

from contextlib import closing

import psycopg
import pytest

from tests.faults.site import JOBS, Site

# Raises an error for the rows of a condition, at most so many times.
RAISE = """
CREATE SEQUENCE raised;
GRANT USAGE ON SEQUENCE raised TO PUBLIC;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF {condition} AND nextval('public.raised') <= {times} THEN
    RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF;
  RETURN new; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION refuse();
"""
REPAIR = "DROP TRIGGER refuse ON items"
ALWAYS = 1_000
WAITING = """
SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
STALE_ROWS = """
INSERT INTO items
SELECT id, 'canary-row a', '2026-03-01 10:00' FROM generate_series(1, 2) AS id
"""


def refuse(site: Site, state: str, times: int = ALWAYS, condition: str = "true") -> None:
    site.at_target(RAISE.format(state=state, times=times, condition=condition))


CONFLICTS = ("40001", "40P01", "55P03")
STAYING = {
    "53100": ("dead", "resource-exhausted"),
    "53200": ("dead", "resource-exhausted"),
    "53400": ("dead", "resource-exhausted"),
    "57014": ("dead", "timeout"),
    "57P01": ("dead", "target-unavailable"),
    "40001": ("dead", "conflict"),
    "42501": ("failed", "permission-denied"),
    "42P01": ("failed", "target-mismatch"),
    "42703": ("failed", "target-mismatch"),
    "42P10": ("failed", "target-mismatch"),
    "XX000": ("failed", "target-refused"),
}
OF_ROWS = (
    "22001", "22003", "22007", "22008", "22021", "22P02", "22P05", "23502", "23503", "23505",
    "23514", "21000", "54000",
)  # fmt: skip


def is_tried_again_in_the_batch(site: Site, state: str) -> None:
    refuse(site, state, times=3)

    assert site.run().code == 0
    assert site.last_run() == ("success", "")
    site.recovers()


def ends_the_run_by_its_name(site: Site, state: str) -> None:
    refuse(site, state)

    assert (site.run().code, site.last_run()) == (1, STAYING[state])
    site.at_target(REPAIR)
    site.recovers()


def is_set_aside_once_and_alone(site: Site, state: str) -> None:
    refuse(site, state, condition="new.id = 5")

    for _ in range(2):
        assert site.run("--from-initial").code == 0
    assert site.rows(
        "SELECT key, sqlstate, times_seen FROM quper.sync_rejects WHERE key = '[\"5\"]'"
    ) == [('["5"]', state, 2)]
    site.at_target(REPAIR)
    assert site.run("--from-initial").code == 0
    site.recovers()


# All of them: exhaustive/test_every_state.py.
def test_a_conflict_is_tried_again_in_the_batch(site: Site):
    is_tried_again_in_the_batch(site, "40P01")


@pytest.mark.parametrize("state", ["53100", "57014", "42501"])
def test_an_error_that_stays_ends_the_run_by_its_name(site: Site, state: str):
    ends_the_run_by_its_name(site, state)


@pytest.mark.parametrize("state", ["22003", "23514"])
def test_a_row_that_is_refused_is_set_aside_once_and_alone(site: Site, state: str):
    is_set_aside_once_and_alone(site, state)


def test_too_many_bad_rows_leave_nothing_of_their_batch(site: Site):
    site.shell.write_jobs(JOBS.replace("batch_size: 4", "batch_size: 4\n    max_rejects: 2"))
    refuse(site, "22003", condition="new.id >= 3")

    assert (site.run().code, site.last_run()) == (1, ("failed", "too-many-rejects"))
    assert site.rows("SELECT count(*) FROM items WHERE id >= 3") == [(0,)]
    site.at_target(REPAIR)
    assert site.run("--from-initial").code == 0
    site.recovers()


def test_the_victim_of_a_deadlock_does_its_batch_again(site: Site):
    site.at_target(STALE_ROWS)
    with closing(psycopg.connect(site.target)) as rival:
        rival.execute("SET deadlock_timeout TO '30s'")
        rival.execute("UPDATE items SET changed = changed WHERE id = 2")
        with site.running("--from-initial") as child:
            site.until(WAITING)
            rival.execute("UPDATE items SET changed = changed WHERE id = 1")
            rival.commit()
            site.done = site.ended(child)

    assert (site.done.code, site.last_run()) == (0, ("success", ""))
    site.recovers()


def test_a_batch_whose_snapshot_is_too_old_is_done_again(site: Site):
    site.at_target(
        STALE_ROWS,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation TO"
        ' "repeatable read"\', current_database()); END $$',
    )
    with closing(psycopg.connect(site.target)) as rival:
        rival.execute("UPDATE items SET changed = changed WHERE id = 2")
        with site.running("--from-initial") as child:
            site.until(WAITING)
            rival.commit()
            site.done = site.ended(child)

    assert (site.done.code, site.last_run()) == (0, ("success", ""))
    site.recovers()


def test_a_statement_without_end_ends_with_the_jobs_time(site: Site):
    site.shell.write_jobs(JOBS.replace("timeout: 20s", "timeout: 2s"))
    site.at_target(RAISE.format(state="22003", times=0, condition="pg_sleep(60) IS NOT NULL"))

    assert (site.execute().code, site.last_run()) == (1, ("dead", "timeout"))
    site.at_target(REPAIR)
    site.recovers()
