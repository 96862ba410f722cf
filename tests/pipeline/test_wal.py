"""What an unchanged run costs the target, on a server where nobody else writes."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from qupersync.demo.postgres import throwaway_postgres
from qupersync.demo.standin import StandIn
from qupersync.domain.job import Job
from tests.grants import READABLE, execute, make_roles, migrate, reader_of
from tests.pipeline.rig import SOURCE_SCHEMA, Rig, a_job, a_snapshot

ROWS = 20_000
# A row lock on each of these rows would be 60 bytes of WAL and more, a new version 150.
ALLOWED_BYTES = 20 * ROWS


@contextmanager
def quiet_rig() -> Iterator[Rig]:
    with throwaway_postgres() as postgres:
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1d'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE source")
            connection.execute("CREATE DATABASE target")
        make_roles(postgres)
        migrate(postgres.conninfo("target"))
        execute(postgres.conninfo("source"), READABLE)
        with StandIn(upstream=reader_of(postgres)) as stand_in:
            yield Rig(
                source=postgres.conninfo("source"),
                target=postgres.conninfo("target"),
                stand_in=stand_in,
            )


@pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
def test_unchanged_rows_cost_next_to_no_wal(job: Job):
    with quiet_rig() as rig:
        rig.at_source(SOURCE_SCHEMA)
        rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)")
        rig.at_source(
            "INSERT INTO items SELECT i, repeat('x', 50), '2026-03-01 11:30'"
            f" FROM generate_series(1, {ROWS}) AS i"
        )
        rig.run(job)
        rig.at_target("CHECKPOINT", "VACUUM ANALYZE")
        before = rig.rows("SELECT pg_current_wal_insert_lsn()")[0][0]

        run = rig.run(job)

        written = rig.rows(f"SELECT pg_current_wal_insert_lsn() - '{before}'::pg_lsn")[0][0]
        assert run.tally.unchanged == ROWS
        assert written < ALLOWED_BYTES
