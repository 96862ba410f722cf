"""A holder that was frozen, or believed dead, does no harm when it comes back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.shell import Child
from tests.faults.paths import on_both_paths
from tests.faults.proxy import Trap
from tests.faults.site import EXPIRE, LIMIT_S, OTHERS, STALE, Site

TERMINATE = OTHERS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)")


@contextmanager
def frozen_in_a_batch(site: Site) -> Iterator[Child]:
    """Stop a run that has sent the ledger's line of its second batch; it goes on at the end."""
    trap = Trap(
        looks_for=lambda m: m.begins and "INTO quper.sync_batches" in m.text,
        does=lambda: os.kill(child.pid, signal.SIGSTOP),
        count=2,
    )
    site.proxy.set(trap)
    with site.running() as child:
        assert trap.sprung.wait(LIMIT_S)
        site.at_target(EXPIRE)
        yield child
        os.kill(child.pid, signal.SIGCONT)
        site.done = site.ended(child)


def test_frozen_outside_a_transaction_it_wakes_up_without_a_lease(site: Site):
    with site.interrupted() as stale:
        os.kill(stale.pid, signal.SIGSTOP)
        site.at_target(EXPIRE)
        assert site.run().code == 0
        os.kill(stale.pid, signal.SIGCONT)

    assert site.done.code == 1
    codes = [record["error_code"] for record in site.done.records]
    assert codes == ["lease-lost", "lease-expired"]  # why it stopped, and what the log has
    site.recovers()


@on_both_paths
def test_stuck_it_loses_its_lease_though_its_heart_could_beat(site: Site):
    site.shell.variables["QUPERSYNC_LEASE_TTL"] = "5s"
    site.shell.write_jobs(site.jobs.replace("timeout: 20s", "timeout: 10m"))
    site.mutant = "stuck-behind-the-first-batch"
    with site.running() as child:
        site.until(STALE)
        site.mutant = ""
        assert site.shell.type("run", "items").code == 0
        assert child.poll() is None

    site.recovers()


@on_both_paths
def test_frozen_inside_a_batch_it_keeps_others_out_and_finishes(site: Site):
    with frozen_in_a_batch(site):
        assert site.shell.type("run", "items").code == 7

    assert site.done.code == 0
    assert site.rows("SELECT status FROM quper.sync_logs ORDER BY started_at") == [
        ("success",),
        ("skipped",),
    ]
    site.recovers()


@on_both_paths
def test_frozen_inside_a_batch_for_too_long_it_has_done_nothing(site: Site):
    with frozen_in_a_batch(site):
        site.at_target(TERMINATE)  # as idle_in_transaction_session_timeout does
        assert site.run().code == 0

    assert site.done.code == 1
    codes = {record.get("error_code") for record in site.done.records}
    assert codes & {"lease-lost", "target-unavailable", "commit-unknown"}
    assert site.rows("SELECT count(*) FROM quper.sync_logs WHERE status = 'success'") == [(1,)]
    site.recovers()
