"""Twenty at once: one schema, one holder of a job at a time, and everybody ends well."""

from contextlib import ExitStack

from psycopg.conninfo import conninfo_to_dict

from tests.faults.site import LIMIT_S, Site
from tests.grants import ONCE, as_role

MANY = 20


def codes_of_many(site: Site, *words: str) -> list[int]:
    """Start one command many times at once, and return the exit codes."""
    with ExitStack() as stack:
        children = []
        for _ in range(MANY):
            child = stack.enter_context(site.shell.start(*words, stdout=None, stderr=None))
            stack.callback(child.kill)
            children.append(child)
        return [child.wait(10 * LIMIT_S) for child in children]


def test_twenty_upgrades_of_an_empty_database_make_one_schema(site: Site, empty_database: str):
    site.at_source(ONCE[ONCE.index("DO $$") :])
    migrator = conninfo_to_dict(as_role(empty_database, "quper_migrator"))
    site.shell.variables |= {
        "POSTGRES_HOST": str(migrator["host"]),
        "POSTGRES_PORT": str(migrator["port"]),
        "POSTGRES_DB": str(migrator["dbname"]),
        "POSTGRES_USER": str(migrator["user"]),
    }

    assert codes_of_many(site, "db", "upgrade") == [0] * MANY
    assert site.shell.type("db", "current").code == 0


def test_of_twenty_passes_at_once_none_fails_and_each_row_is_loaded_once(site: Site):
    assert codes_of_many(site, "run", "--all", "-q") == [0] * MANY
    assert site.rows("SELECT sum(rows_inserted) FROM quper.sync_batches") == [(8,)]
    assert {status for (status,) in site.rows("SELECT status FROM quper.sync_logs")} <= {
        "success",
        "skipped",
    }
    site.recovers()
