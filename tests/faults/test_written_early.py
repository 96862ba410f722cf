"""What befalls a run while its next batch is written but not committed costs no row.

What is the same for one that is only staged is in ``test_staged_ahead``.
"""

import os
import signal

import pytest

from tests.faults.messages import commit_of_batch
from tests.faults.paths import on_the_raw_path
from tests.faults.proxy import End, Trap
from tests.faults.site import EXPIRE, Site
from tests.faults.stories import LOST
from tests.faults.test_target_connection import DEAD

pytestmark = on_the_raw_path
# The first batch is stored, and the second holds the table.
WRITTEN = """
SELECT a.pid FROM pg_locks AS a, quper.sync_batches AS b
 WHERE a.relation = 'items'::regclass AND a.mode = 'RowExclusiveLock' AND b.batch_seq = 1
"""


def terminating(query: str) -> str:
    """Return what terminates the sessions whose pid the query gives."""
    return query.replace("a.pid FROM", "pg_terminate_backend(a.pid) FROM")


def made_plain(site: Site) -> Site:
    """New rows for a table where nothing acts on one: four batches and one row, in one piece."""
    jobs = site.jobs.replace("batch_size: 4", "batch_size: 2").replace(", chunk: 1h", "")
    site.shell.write_jobs(jobs)
    site.by_the_row()
    site.at_target("ALTER TABLE items DROP CONSTRAINT items_name_check")
    site.at_source(
        "TRUNCATE items",
        "INSERT INTO items SELECT i, 'canary-row ' || i, '2026-03-01 11:00'::timestamp"
        " + i * interval '1 min' FROM generate_series(1, 9) AS i",
    )
    return site


@pytest.fixture
def plain(site: Site) -> Site:
    return made_plain(site)


def test_a_run_whose_source_is_slow_lets_go_of_it(plain: Site):
    """Else others wait, and the target ends a transaction that is idle for long."""
    with plain.interrupted():
        plain.until(WRITTEN)
        plain.until(f"SELECT WHERE NOT EXISTS ({WRITTEN})")
        plain.at_target("SET lock_timeout TO '1s'", "ALTER TABLE items ADD COLUMN more int")

    assert (plain.done.code, plain.last_run()) == (0, ("success", ""))
    plain.recovers()


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_commit_that_is_in_doubt_meanwhile_is_found_out_about(plain: Site, number: int, answered):
    lost = Trap(looks_for=commit_of_batch(answered=answered), does=lambda: End.CUT, count=number)
    plain.proxy.set(lost)
    plain.shell.variables["SYNC_RETRIES"] = "1"

    assert plain.execute().code == 0
    assert lost.sprung.is_set()
    assert plain.rows("SELECT sum(rows_inserted) FROM quper.sync_batches") == [(9,)]
    plain.recovers()


def test_a_frozen_run_is_overtaken_once_the_target_ends_its_transaction(plain: Site):
    with plain.interrupted() as child:
        plain.until(WRITTEN)
        os.kill(child.pid, signal.SIGSTOP)
        plain.at_target(terminating(WRITTEN), EXPIRE)
        assert plain.shell.type("run", "items").code == 0
        os.kill(child.pid, signal.SIGCONT)

    assert [record["error_code"] for record in plain.done.records] == [DEAD[1], LOST[1]]
    plain.recovers()
