"""Stories that end well with the right program, and are told to its mutants as well."""

from contextlib import ExitStack
from typing import Any

from tests.faults.messages import commit_of_batch
from tests.faults.proxy import Message
from tests.faults.site import EXPIRE, LIMIT_S, Site

LOST = ["lease-lost", "lease-expired"]  # why it stopped, and what the log has
LATER = "UPDATE clock SET moment = '2026-03-01 13:00'"
CHANGE = "UPDATE items SET name = 'canary-row new', changed = '2026-03-01 12:15' WHERE id = 5"
CHANGE_IN_PLACE = "UPDATE items SET name = 'canary-row new' WHERE id = 8"
UP_TO_NOW, AND_LATER = "changed < :high", "(changed < :high OR changed > :high)"


def undisturbed(site: Site) -> None:
    site.recovers()


def killed_between_batches(site: Site) -> None:
    """The first piece has one of its two batches."""
    assert site.kill_at(commit_of_batch(answered=False), 2)
    site.recovers()


def killed_after_a_commit(site: Site) -> None:
    """The first batch is stored, and nothing was sent after that."""
    assert site.kill_at(_request_after_a_batch(), 1)
    site.recovers()


def overtaken_while_reading(site: Site) -> None:
    """It still reads what its cursor saw long ago, while others have its lease and load more."""
    with site.interrupted():
        site.at_target(EXPIRE)
        assert site.execute().code == 0
        site.at_source(LATER, CHANGE)
        assert site.execute().code == 0
    site.invariants.hold_at_the_end()
    codes = [record["error_code"] for record in site.done.records]
    assert (site.done.code, codes) == (1, LOST), "it wrote"
    site.recovers()


def overtaken_by_one_that_only_reads(site: Site) -> None:
    """Nothing but the fence tells it: the other has stored nothing yet.

    On the raw path a batch is staged by then.
    """
    site.shell.write_jobs(site.jobs.replace("batch_size: 4", "batch_size: 2"))
    with ExitStack() as rivals:
        with site.interrupted():
            site.at_target(EXPIRE)
            fault, delay = site.held_up(fetch=1)
            rival = rivals.enter_context(site.running())
            assert fault.reached.wait(LIMIT_S)
        assert [record["error_code"] for record in site.done.records] == LOST
        delay.until.set()
        assert site.ended(rival).code == 0
    site.recovers()


def changed_in_place(site: Site) -> None:
    """Read again, it follows batches in which nothing has changed."""
    assert site.execute().code == 0
    site.at_source(CHANGE_IN_PLACE)
    assert site.execute("--from-initial").code == 0
    site.recovers()


def a_row_of_the_future(site: Site) -> None:
    """The query returns it; what comes later is loaded all the same."""
    site.shell.write_jobs(site.jobs.replace(UP_TO_NOW, AND_LATER))
    assert site.execute().code == 0
    site.at_source("INSERT INTO items VALUES (11, 'canary-row', '2026-03-01 12:10')", LATER)
    assert site.execute().code == 0
    assert site.rows("SELECT id FROM items WHERE id IN (10, 11) ORDER BY id") == [(10,), (11,)]


def _request_after_a_batch() -> Any:
    is_stored, is_done = commit_of_batch(answered=True), False

    def looks_for(message: Message) -> bool:
        nonlocal is_done
        is_done = is_done or is_stored(message)
        return is_done and message.begins

    return looks_for
