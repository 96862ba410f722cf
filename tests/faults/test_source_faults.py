"""A source that breaks off, goes silent or changes its password costs an attempt, and no row."""

import pytest

from qupersync.demo.faults import AfterRows, AtMessage, AtSql, BlackHole, Cut, Fault, Sender, When
from qupersync.demo.frames import ServerError
from tests.faults.paths import on_both_paths
from tests.faults.site import Site

GONE = ("dead", "source-unavailable")
SHUTDOWN = ServerError(severity="FATAL", sqlstate="57P01", message="terminating connection")
SERIAL = ServerError(sqlstate="XX000", message="1023 Serializable isolation violation on table")
PLACES: dict[str, When] = {
    "at the clock": AtSql("getdate"),
    "at the cursor": AtSql("declare"),
    "in the first rows": AfterRows(6),
    "in the last rows": AfterRows(13),
    "before the last fetch": AtSql("fetch", 10),
    "at a row description": AtMessage(Sender.SERVER, b"T", 4),
}


@pytest.mark.parametrize("cut", [Cut(), Cut(reset=True), SHUTDOWN], ids=["end", "reset", "57P01"])
@pytest.mark.parametrize("place", PLACES)
def test_a_cut_ends_the_run_and_the_next_goes_on(site: Site, place: str, cut):
    fault = site.stand_in.faults.arm(Fault(when=PLACES[place], what=cut))

    assert (site.run().code, site.last_run()) == (1, GONE)
    assert fault.reached.is_set()
    site.recovers()


@on_both_paths
@pytest.mark.parametrize(
    ("what", "code"),
    [(Cut(), "source-unavailable"), (SERIAL, "conflict")],
    ids=["cut", "1023"],
)
def test_one_run_is_enough_when_it_may_try_again(site: Site, what, code: str):
    site.stand_in.faults.arm(Fault(when=AtSql("fetch", 3), what=what))

    assert site.run(SYNC_RETRIES="2").code == 0
    assert site.last_run() == ("success", "")
    assert site.rows(
        "SELECT attempt, status, coalesce(error_code, '') FROM quper.sync_attempts ORDER BY attempt"
    ) == [(1, "failed", code), (2, "success", "")]
    site.recovers()


@on_both_paths
def test_silence_ends_with_the_jobs_time(site: Site):
    site.shell.write_jobs(site.jobs.replace("timeout: 20s", "timeout: 2s"))
    site.stand_in.faults.arm(Fault(when=AfterRows(6), what=BlackHole()))

    assert (site.execute().code, site.last_run()) == (1, ("dead", "timeout"))
    site.recovers()


def test_a_password_that_changed_under_way_is_not_tried_again_and_again(site: Site):
    site.shell.variables["SYNC_RETRIES"] = "5"
    right = site.stand_in.password
    with site.interrupted():
        site.stand_in.password += " of another day"
        site.stand_in.faults.arm(Fault(when=AtSql("fetch"), what=Cut()))

    assert (site.done.code, site.last_run()) == (1, ("failed", "login-refused"))
    assert site.rows("SELECT attempts FROM quper.sync_logs") == [(2,)]
    site.stand_in.password = right
    site.recovers()
