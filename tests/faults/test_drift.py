"""A target that changes under a run ends it by name; what was stored before stays."""

import pytest

from tests.faults.site import Site

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
