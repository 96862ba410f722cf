"""The recipes of docs/operations.md do what they are there for."""

from pathlib import Path

from tests.cli.shell import JOBS, World
from tests.docs.documents import fences

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
HELD = """
UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(), lease_owner_info = 'gone:1',
       lease_expires_at = clock_timestamp() + interval '1 hour'
"""
REJECT = """
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
                                payload_sha256, key, reason)
VALUES (gen_random_uuid(), 'default', 'items', '{}', '', 'x', '', 'k', 'lossy-cast')
"""


def recipe(title: str) -> list[str]:
    """The SQL below a heading, about the job of these tests."""
    _, below = OPERATIONS.split(f"# {title}\n")
    section = below.split("\n#")[0]
    return [code.replace("'orders'", "'items'") for name, code in fences(section) if name == "sql"]


def test_a_run_that_hangs_is_found_and_its_job_freed(world: World):
    assert world.shell.type("run", "items").code == 0
    world.at_target(HELD)
    assert world.shell.type("run", "items").code == 7
    find, free = recipe("A run that hangs")

    [(job, holder, *_)] = world.rows(find)
    world.at_target(free)

    assert (job, holder) == ("items", "gone:1")
    assert world.shell.type("run", "items").code == 0


def test_a_job_that_was_removed_leaves_its_table_to_another(world: World):
    assert world.shell.type("run", "items").code == 0
    world.shell.write_jobs(JOBS.replace("items:", "goods:", 1))
    assert world.shell.type("run", "goods").code == 3

    world.at_target(*recipe("Removing a job"))

    assert world.shell.type("run", "goods").code == 0


def test_rejects_that_were_closed_by_hand_are_not_listed(world: World):
    world.at_target(REJECT)
    by_reason, close = recipe("Rejects")
    assert len(world.rows(by_reason)) == 1

    world.at_target(close)

    assert world.rows(by_reason) == []
    assert world.shell.type("rejects", "list", "-o", "json").document == []


def test_old_runs_that_were_pruned_leave_the_job_as_it_is(world: World):
    for _ in range(3):
        assert world.shell.type("run", "items").code == 0
    world.at_target("UPDATE quper.sync_logs SET completed_at = completed_at - interval '1 year'")
    assert "\nqupersync --env-file owner.env prune\n" in OPERATIONS

    assert world.shell.type("prune", POSTGRES_USER="quper_migrator").code == 0

    assert world.rows("SELECT count(*) FROM quper.sync_logs") == [(1,)]  # the job's last
    assert world.shell.type("status", "items", "--check").code == 0


def test_all_that_failed_is_run_with_one_command(world: World):
    assert world.shell.type("run", "--all").code == 1
    world.at_source("ALTER TABLE items ADD COLUMN nothing int")
    world.at_target("ALTER TABLE others ADD COLUMN nothing int")
    assert "`qupersync run state:failed`" in OPERATIONS

    assert world.shell.type("run", "state:failed").code == 0

    assert world.rows(
        "SELECT DISTINCT sync_job_id FROM quper.sync_logs WHERE status = 'success'"
        " AND sync_job_id = 'broken'"
    ) == [("broken",)]
