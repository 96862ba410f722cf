"""Stories that end well with the right program, and are told to its mutants as well."""

from typing import Any

from tests.faults.proxy import Message
from tests.faults.site import EXPIRE, JOBS, Site, commit_of_batch

LATER = "UPDATE clock SET moment = '2026-03-01 13:00'"
CHANGE = "UPDATE items SET name = 'canary-row new', changed = '2026-03-01 12:15' WHERE id = 5"
WITH_THE_FUTURE = JOBS.replace("changed < :high", "(changed < :high OR changed > :high)")


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
    assert (site.done.code, codes) == (1, ["lease-lost", "lease-expired"]), "it wrote"
    site.recovers()


def a_row_of_the_future(site: Site) -> None:
    """The query returns it; what comes later is loaded all the same."""
    site.shell.write_jobs(WITH_THE_FUTURE)
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
