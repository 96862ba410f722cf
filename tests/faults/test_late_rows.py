"""Rows whose transaction outlives a run, and rows of one moment, are loaded by the next one."""

from contextlib import closing

import psycopg
import pytest

from tests.faults.site import JOBS, Site

LATE = "INSERT INTO items VALUES (11, 'canary-row', '2026-03-01 11:59')"


def run_beside_an_open_transaction(site: Site) -> None:
    with closing(psycopg.connect(site.source)) as writer:
        writer.execute(LATE)
        assert site.run().code == 0
        writer.commit()


def test_a_transaction_that_outlives_a_run_is_loaded_by_the_overlap(site: Site):
    site.shell.write_jobs(JOBS.replace("overlap: 0s", "overlap: 5m"))
    run_beside_an_open_transaction(site)

    assert site.run().code == 0
    site.invariants.hold_at_the_end()


def test_without_an_overlap_it_is_missed_and_the_suite_sees_it(site: Site):
    run_beside_an_open_transaction(site)

    with pytest.raises(AssertionError, match="11 is owed"):
        site.run()
