"""A target that is slow costs time, and one that does not answer a login an attempt; no row."""

from threading import Event

import pytest

from tests.faults.paths import on_both_paths
from tests.faults.proxy import Trap
from tests.faults.site import LIMIT_S, STALE, Site
from tests.faults.test_silence import Silence, silent

LATENCY_S = 0.005


@on_both_paths
def test_each_message_takes_its_time_and_all_is_as_ever(site: Site):
    site.proxy.latency_s = LATENCY_S

    assert site.execute().code == 0
    site.proxy.latency_s = 0
    site.recovers()


# The first session looks before the run whether all is ready; the second is the run's own.
@pytest.mark.parametrize(("session", "code"), [(0, 4), (1, 1)])
def test_a_login_without_an_answer_is_not_waited_for(site: Site, session: int, code: int):
    login = Silence(looks_for=lambda m: m.session == session and m.kind == b"", does=silent)
    site.proxy.set(login)

    with site.running() as child:
        assert child.wait(LIMIT_S) == code

    assert login.sprung.is_set()
    assert site.rows("SELECT FROM quper.sync_logs") == []
    site.proxy.trap = None
    site.recovers()


@on_both_paths
def test_a_heartbeat_that_is_held_up_costs_no_batch(site: Site):
    site.shell.variables["QUPERSYNC_LEASE_TTL"] = "5s"
    arrives = Event()
    beat = Trap(
        looks_for=lambda m: m.begins and "RETURNING cancel_requested" in m.text,
        does=lambda: arrives,
    )
    site.proxy.set(beat)
    fault, delay = site.held_up()
    with site.running() as child:
        assert fault.reached.wait(LIMIT_S)
        assert beat.sprung.wait(LIMIT_S)
        site.until(STALE)
        delay.until.set()
        site.until("SELECT FROM quper.sync_batches WHERE batch_seq = 4")
        arrives.set()
        assert site.ended(child).code == 0

    assert site.last_run() == ("success", "")
    site.recovers()
