"""A server that stops, starts again or sets its clock under a run costs an attempt, and no row."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from tests.cli.shell import Child
from tests.faults.exhaustive.own_server import OwnServer, own_server
from tests.faults.opening import opened
from tests.faults.site import LIMIT_S, Site
from tests.faults.test_signals import WAITING

GONE = ("dead", "source-unavailable")
GOOD = ("success", "")


@pytest.fixture
def own() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def with_own_source(
    own: OwnServer, server: PostgresAddress, target: str, tmp_path: Path
) -> Iterator[Site]:
    with opened(tmp_path, (own.address, own.source()), (server, target)) as site:
        yield site


@pytest.fixture
def with_own_target(
    own: OwnServer, server: PostgresAddress, empty_database: str, tmp_path: Path
) -> Iterator[Site]:
    """Its proxy stands aside: a server that is down refuses a connection by itself."""
    with opened(tmp_path, (server, empty_database), (own.address, own.target())) as site:
        site.shell.variables |= {"POSTGRES_HOST": own.address.host, "POSTGRES_PORT": "5432"}
        yield site


@contextmanager
def in_a_batch(site: Site) -> Iterator[Child]:
    """Hold a run up inside a transaction of the target, until the server ends who is in its way."""
    rival = psycopg.connect(site.target)
    rival.execute("LOCK TABLE items")
    with site.running() as child:
        site.until(WAITING)
        yield child
        rival.close()
        site.done = site.ended(child)


MOMENTS: list[Callable[[Site], AbstractContextManager[Child]]] = [Site.interrupted, in_a_batch]


@pytest.mark.parametrize(("retries", "ending"), [("0", GONE), ("9", GOOD)])
def test_the_source_starts_again_while_it_is_read(
    with_own_source: Site, own: OwnServer, retries: str, ending: tuple[str, str]
):
    site = with_own_source
    site.shell.variables["SYNC_RETRIES"] = retries
    with site.interrupted():
        own.restart("immediate")

    assert (site.done.code, site.last_run()) == (ending == GONE, ending)
    site.recovers()


@pytest.mark.parametrize("mode", ["immediate", "fast"])
@pytest.mark.parametrize("held_up", MOMENTS)
def test_the_target_starts_again_under_a_run(
    with_own_target: Site,
    own: OwnServer,
    mode: str,
    held_up: Callable[[Site], AbstractContextManager[Child]],
):
    site = with_own_target
    site.shell.variables["SYNC_RETRIES"] = "9"
    with held_up(site):
        own.restart(mode)

    assert (site.done.code, site.last_run()) == (0, GOOD)
    assert site.rows("SELECT attempts > 1 FROM quper.sync_logs") == [(True,)]
    site.recovers()


def test_a_run_waits_for_a_target_that_is_down(with_own_target: Site, own: OwnServer):
    site = with_own_target
    site.shell.variables["SYNC_RETRIES"] = "9"
    fault, delay = site.held_up()
    with site.running() as child:
        assert fault.reached.wait(LIMIT_S)
        own.control("stop", "-m", "immediate")
        delay.until.set()
        assert child.stderr is not None
        assert '"target-unavailable"' in child.stderr.readline()
        own.restart("immediate")
        site.done = site.ended(child)

    assert (site.done.code, site.last_run()) == (0, GOOD)
    site.recovers()


def test_the_targets_clock_jumps_ahead_and_the_fence_keeps_the_first_holder_out(
    with_own_target: Site, own: OwnServer
):
    site = with_own_target
    site.shell.variables["QUPERSYNC_LEASE_TTL"] = "30m"  # no beat meanwhile
    clock = own.run_by_another_clock()
    with site.interrupted():
        assert site.shell.type("run", "items").code == 7
        clock.write_text("+1h")
        assert site.run().code == 0

    assert site.done.code == 1
    assert site.done.records[-1]["error_code"] == "lease-expired"  # as the second one closed it
    site.recovers()


def test_the_targets_clock_is_set_back_and_nobody_cares(with_own_target: Site, own: OwnServer):
    clock = own.run_by_another_clock()
    with with_own_target.interrupted():
        clock.write_text("-1h")

    assert (with_own_target.done.code, with_own_target.last_run()) == (0, GOOD)
    with_own_target.recovers()
