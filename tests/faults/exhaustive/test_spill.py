"""A merge that may not spill to the server's disk ends by name, and is done once it may."""

import pytest

from tests.faults.site import JOBS, Site

# In this database only: the role is of the whole server.
ROLE = """
DO $$ BEGIN
  EXECUTE format('ALTER ROLE quper_writer IN DATABASE %I {}', current_database());
END $$
"""
SPILLING = ("SET work_mem TO 64", "SET hash_mem_multiplier TO 1", "SET temp_file_limit TO 64")
MANY = """
INSERT INTO items SELECT n % {keys}, 'canary-row ' || md5((n % {keys})::text), '2026-03-01 11:00'
  FROM generate_series(1, 40000) AS n
"""
# Into an empty table rows are only inserted.
KNOWN = "INSERT INTO items VALUES (1, 'canary-row ' || md5('1'), '2026-03-01 11:00')"


@pytest.mark.parametrize("keys", [30_000, 50_000], ids=["some twice", "each once"])
def test_a_merge_that_may_not_spill_is_done_later(site: Site, keys: int):
    site.shell.write_jobs(JOBS.replace("batch_size: 4", "batch_size: 100000"))
    site.at_source("TRUNCATE items", MANY.format(keys=keys))
    site.at_target(KNOWN, *map(ROLE.format, SPILLING))

    assert (site.execute("--from-initial").code, site.last_run()) == (
        1,
        ("dead", "resource-exhausted"),
    )
    assert "temp_file_limit" in site.rows("SELECT error FROM quper.sync_logs")[0][0]
    site.at_target(ROLE.format("RESET ALL"))
    site.recovers()
