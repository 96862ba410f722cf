"""What befalls a run while its next batch is staged over a second connection costs no row."""

import os
import signal
from time import monotonic

import pytest

from qupersync.demo.faults import AtSql, Cut, Fault
from tests.faults.messages import over_the_spare
from tests.faults.paths import on_the_raw_path
from tests.faults.proxy import End, Trap
from tests.faults.site import EXPIRE, LIMIT_S, Site
from tests.faults.stories import LOST
from tests.faults.test_signals import CANCELED
from tests.faults.test_silence import GRACE_S
from tests.faults.test_source_faults import GONE
from tests.faults.test_target_connection import DEAD
from tests.faults.test_written_early import WRITTEN, made_plain, terminating

pytestmark = on_the_raw_path
# The first batch is stored, the second staged, and it is known that its rows have to wait for their
# turn.
STAGED = """
SELECT a.pid FROM pg_stat_activity AS a, quper.sync_batches AS b
 WHERE a.datname = current_database() AND a.state = 'idle in transaction' AND b.batch_seq = 1
   AND (a.query LIKE '%max(s.ctid)%' OR a.query LIKE '%relhastriggers%')
"""
ASKED = """
SELECT FROM pg_stat_activity WHERE datname = current_database()
   AND state = 'idle in transaction' AND query LIKE '%relhastriggers%'
"""
STORED = "SELECT batch_seq, rows_inserted FROM quper.sync_batches"
FIRST = [(1, 2)]


def in_pairs(site: Site) -> Site:
    """The first piece has three batches; a run that is held up has the second one staged."""
    site.shell.write_jobs(site.jobs.replace("batch_size: 4", "batch_size: 2"))
    site.by_the_row()
    return site


@pytest.fixture
def ahead(site: Site) -> Site:
    return in_pairs(site)


# The second batch is staged, or already written; how to make it so, and how to tell.
@pytest.fixture(params=[(in_pairs, STAGED), (made_plain, WRITTEN)], ids=["staged", "written"])
def held(site: Site, request: pytest.FixtureRequest) -> tuple[Site, str]:
    prepared, is_so = request.param
    return prepared(site), is_so


def test_a_batch_that_waits_for_its_turn_keeps_nobody_from_the_table(ahead: Site):
    """Also where it was the first, of which nobody knew whether the table has rows."""
    ahead.held_at = 4
    with ahead.interrupted():
        ahead.until(ASKED)
        ahead.at_target("SET lock_timeout TO '1s'", "ALTER TABLE items ADD COLUMN more int")

    assert (ahead.done.code, ahead.last_run()) == (0, ("success", ""))
    ahead.recovers()


def silent() -> End:
    return End.BLACK_HOLE


@pytest.mark.parametrize("cut", [Cut(), Cut(reset=True)], ids=["end", "reset"])
def test_a_source_that_is_cut_leaves_nothing_of_it(ahead: Site, cut: Cut):
    ahead.stand_in.faults.arm(Fault(when=AtSql("fetch", 6), what=cut))

    assert (ahead.execute().code, ahead.last_run()) == (1, GONE)
    assert ahead.rows(STORED) == FIRST
    ahead.recovers()


@pytest.mark.parametrize(("retries", "ending"), [("0", DEAD), ("2", ("success", ""))])
def test_a_second_connection_that_is_terminated_is_opened_again(
    held: tuple[Site, str], retries: str, ending: tuple[str, str]
):
    ahead, is_so = held
    ahead.shell.variables["SYNC_RETRIES"] = retries
    with ahead.interrupted():
        ahead.until(is_so)
        ahead.at_target(terminating(is_so))

    assert (ahead.done.code, ahead.last_run()) == (ending == DEAD, ending)
    ahead.recovers()


@pytest.mark.parametrize("number", [1, 4])
def test_a_second_connection_that_is_cut_ends_the_run_and_the_next_goes_on(
    ahead: Site, number: int
):
    cut = Trap(looks_for=over_the_spare(), does=lambda: End.CUT, count=number)
    ahead.proxy.set(cut)

    assert (ahead.execute().code, ahead.last_run()) == (1, DEAD)
    assert cut.sprung.is_set()
    ahead.recovers()


def test_a_second_connection_that_is_silent_is_not_waited_for_longer_than_the_job_may_take(
    ahead: Site,
):
    usual = (ahead.shell.folder / "jobs.yaml").read_text()
    ahead.shell.write_jobs(usual.replace("timeout: 20s", "timeout: 6s"))
    ahead.proxy.set(Trap(looks_for=over_the_spare(), does=silent, count=2))

    assert ahead.execute().code == 1
    assert ahead.rows(STORED) == FIRST
    ahead.shell.write_jobs(usual)
    ahead.recovers()


def test_a_signal_ends_a_run_whose_second_connection_is_silent(ahead: Site):
    silence = ahead.proxy.set(Trap(looks_for=over_the_spare(), does=silent, count=2))
    with ahead.running() as child:
        assert silence.sprung.wait(LIMIT_S)
        child.send_signal(signal.SIGTERM)
        asked_at = monotonic()
        done = ahead.ended(child)

    assert (done.code, monotonic() - asked_at < GRACE_S) == (143, True)
    assert ahead.last_run() == CANCELED
    ahead.recovers()


def test_a_signal_leaves_nothing_of_it(held: tuple[Site, str]):
    ahead, is_so = held
    with ahead.interrupted() as child:
        ahead.until(is_so)
        child.send_signal(signal.SIGTERM)
        child.wait(LIMIT_S)

    assert (ahead.done.code, ahead.last_run()) == (143, CANCELED)
    assert ahead.rows(STORED) == FIRST
    ahead.recovers()


def test_a_kill_leaves_nothing_of_it(held: tuple[Site, str]):
    ahead, is_so = held
    with ahead.interrupted() as child:
        ahead.until(is_so)
        child.kill()

    assert ahead.rows(STORED) == FIRST
    ahead.recovers()


def test_a_frozen_run_keeps_nobody_out_with_it(ahead: Site):
    with ahead.interrupted() as child:
        ahead.until(STAGED)
        os.kill(child.pid, signal.SIGSTOP)
        ahead.at_target(EXPIRE)
        assert ahead.shell.type("run", "items").code == 0
        os.kill(child.pid, signal.SIGCONT)

    assert [record["error_code"] for record in ahead.done.records] == LOST
    ahead.recovers()
