"""A connection to the target that breaks, goes silent or is ended costs one attempt, and no row."""

import pytest

from tests.faults.messages import commit_of, commit_of_batch, in_a_batch
from tests.faults.paths import on_both_paths
from tests.faults.proxy import End, Trap
from tests.faults.site import OTHERS, Site

HELD = (
    "UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(),"
    " lease_expires_at = now() + interval '1 h'"
)
FREE = "UPDATE quper.qupersync_leases SET lease_owner = NULL, lease_expires_at = NULL"
DEAD = ("dead", "target-unavailable")
TERMINATE = OTHERS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)").partition(" AND state")


@pytest.mark.parametrize("how", [End.CUT, End.RESET])
@pytest.mark.parametrize(
    ("load", "number"), [("auto", 6), ("auto", 20), ("copy", 3), ("copy", 9), ("copy", 20)]
)
def test_a_cut_inside_a_batch_rolls_it_back(site: Site, number: int, how: End):
    trap = site.proxy.set(Trap(looks_for=in_a_batch, count=number, does=lambda: how))

    assert (site.execute().code, site.last_run()) == (1, DEAD)
    assert trap.sprung.is_set()
    site.recovers()


# On the raw path the second and the fourth are those of the second connection.
@pytest.mark.parametrize(
    ("load", "number", "how"),
    [
        *(("auto", number, how) for number in (1, 2, 3) for how in (End.CUT, End.RESET)),
        *(("copy", number, End.CUT) for number in (2, 3, 4)),
    ],
)
@pytest.mark.parametrize("answered", [False, True], ids=["lost commit", "lost answer"])
def test_a_commit_without_an_answer_is_done_once(
    site: Site, *, answered: bool, number: int, how: End
):
    commit = commit_of_batch(answered=answered)
    site.proxy.set(Trap(looks_for=commit, count=number, does=lambda: how))

    site.run(SYNC_RETRIES="1")

    assert site.last_run()[0] == "success"
    assert site.rows("SELECT sum(rows_inserted) FROM quper.sync_batches") == [(8,)]
    site.recovers()


@on_both_paths
@pytest.mark.parametrize(("retries", "ending"), [("0", DEAD), ("2", ("success", ""))])
def test_a_session_that_is_terminated_is_opened_again(site: Site, retries: str, ending):
    site.shell.variables["SYNC_RETRIES"] = retries
    with site.interrupted():
        site.at_target(TERMINATE[0])

    assert site.last_run() == ending
    assert site.done.code == (ending == DEAD)
    site.recovers()


def test_a_full_database_lets_nobody_begin(site: Site):
    site.at_target(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0',"
        " current_database()); END $$"
    )

    assert site.run().code == 4
    assert site.rows("SELECT count(*) FROM quper.sync_logs") == [(0,)]


def test_a_heartbeat_that_is_cut_comes_back(site: Site):
    site.shell.variables["QUPERSYNC_LEASE_TTL"] = "5s"
    beats = Trap(
        looks_for=lambda m: m.begins and "RETURNING cancel_requested" in m.text,
        does=lambda: End.CUT,
    )
    site.proxy.set(beats)
    with site.interrupted():
        assert beats.sprung.wait(20)
        again = site.proxy.set(Trap(looks_for=beats.looks_for, does=lambda: None))
        assert again.sprung.wait(20)

    assert site.last_run() == ("success", "")
    site.invariants.hold_at_the_end()


def test_a_skip_whose_answer_was_lost_stays_a_skip_though_the_job_is_free_by_now(site: Site):
    site.recovers()
    site.at_target(HELD)

    def freed() -> End:
        site.at_target(FREE)
        return End.CUT

    stored = commit_of("INTO quper.sync_logs", answered=True)
    site.proxy.set(Trap(looks_for=stored, does=freed))

    done = site.run("-o", "json", SYNC_RETRIES="1")

    assert site.last_run() == ("skipped", "lease-held")
    [told] = done.document["runs"]
    assert (done.code, told["status"]) == (7, "skipped")
    site.recovers()


@on_both_paths
def test_a_batch_that_counts_without_an_answer_is_read_again_and_changes_nothing(site: Site):
    site.proxy.set(Trap(looks_for=commit_of_batch(answered=True), does=lambda: End.CUT))

    done = site.run("-o", "json", SYNC_RETRIES="1")

    [told] = done.document["runs"]
    names = ("batches", "rows_extracted", "rows_inserted", "rows_unchanged")
    assert [told[name] for name in names] == [5, 11 + 4, 8, 3]
    site.recovers()
