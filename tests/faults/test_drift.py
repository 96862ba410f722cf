"""A table that changes under a run ends it by name; what was stored before stays."""

import pytest

from tests.cli.shell import Child
from tests.faults.messages import commit_of_batch
from tests.faults.proxy import Trap
from tests.faults.site import EXPIRE, JOBS, LIMIT_S, Site

BACK = "ALTER TABLE items ADD CONSTRAINT items_pkey PRIMARY KEY (id)"
DRIFTS = {
    "a column is gone": (
        "ALTER TABLE items RENAME name TO gone",
        ("failed", "target-mismatch"),
        "ALTER TABLE items RENAME gone TO name",
    ),
    "the table is gone": (
        "ALTER TABLE items RENAME TO elsewhere",
        ("failed", "target-mismatch"),
        "ALTER TABLE elsewhere RENAME TO items",
    ),
    "the right is revoked": (
        "REVOKE INSERT ON items FROM quper_writer",
        ("failed", "permission-denied"),
        "GRANT INSERT ON items TO quper_writer",
    ),
    "the right to the log is revoked": (
        "REVOKE INSERT ON quper.sync_batches FROM quper_writer",
        ("failed", "permission-denied"),
        "GRANT INSERT ON quper.sync_batches TO quper_writer",
    ),
}
AT_SOURCE = {
    "a column is gone": (
        "ALTER TABLE items RENAME name TO gone",
        ("query-failed", 'column "name" does not exist'),
        "ALTER TABLE items RENAME gone TO name",
    ),
    "a column is new": (
        "ALTER TABLE items ADD more text",
        ("target-mismatch", "public.items has no column more"),
        "ALTER TABLE items DROP more",
    ),
    "the watermark is no time any more": (
        "ALTER TABLE items ALTER changed TYPE text",
        ("query-failed", "operator does not exist: text >= timestamp"),
        "ALTER TABLE items ALTER changed TYPE timestamp USING changed::timestamp",
    ),
}
EVERY_COLUMN = JOBS.replace("id, name, changed", "*")


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_between_two_batches_ends_the_run(site: Site, drift: str):
    change, ending, repair = DRIFTS[drift]
    with site.interrupted():
        site.at_target(change)
        site.invariants.hold = lambda: None  # type: ignore[method-assign]

    assert (site.done.code, site.last_run()) == (1, ending)
    site.at_target(repair)
    site.recovers()


def test_without_its_unique_index_no_row_comes_twice(site: Site):
    with site.interrupted():
        site.at_target("ALTER TABLE items DROP CONSTRAINT items_pkey")
    site.at_target(BACK)

    site.recovers()


def test_a_new_column_of_the_target_is_no_problem(site: Site):
    with site.interrupted():
        site.at_target("ALTER TABLE items ADD more text, ALTER id TYPE bigint")

    assert site.last_run() == ("success", "")
    site.recovers()


@pytest.mark.parametrize("drift", AT_SOURCE)
def test_drift_of_the_source_between_two_pieces_ends_the_run(site: Site, drift: str):
    change, ending, repair = AT_SOURCE[drift]
    site.shell.write_jobs(EVERY_COLUMN if drift == "a column is new" else JOBS)
    # While a piece is read, its cursor keeps the table as it is.
    end_of_piece = commit_of_batch(answered=True)
    site.proxy.set(Trap(looks_for=end_of_piece, count=2, does=lambda: site.at_source(change)))
    with site.running() as child:
        ends_by_name(site, child, ending, repair)

    assert site.rows("SELECT count(*) FROM items") == [(4,)]
    site.recovers()


def test_drift_of_the_source_between_two_runs_ends_the_second(site: Site):
    change, ending, repair = AT_SOURCE["a column is gone"]
    with site.interrupted() as killed:
        killed.kill()
    site.at_target(EXPIRE)
    site.at_source(change)
    with site.running() as child:
        ends_by_name(site, child, ending, repair)

    site.recovers()


@pytest.mark.parametrize("change", ["ALTER id TYPE bigint", "ALTER id TYPE text"])
def test_a_column_whose_values_still_fit_is_no_problem(site: Site, change: str):
    with site.interrupted() as killed:
        killed.kill()
    site.at_target(EXPIRE)
    site.at_source(f"ALTER TABLE items {change}")
    with site.running() as child:
        child.wait(LIMIT_S)
        site.at_source("ALTER TABLE items ALTER id TYPE int USING id::int")
        site.done = site.ended(child)

    assert site.last_run() == ("success", "")
    site.recovers()


def ends_by_name(site: Site, child: Child, ending: tuple[str, str], repair: str) -> None:
    """Look at the end of a run only once both tables can be compared again."""
    code, words = ending
    child.wait(LIMIT_S)
    site.at_source(repair)
    site.done = site.ended(child)
    assert (site.done.code, site.last_run()) == (1, ("failed", code))
    assert words in site.done.records[-1]["error"]
