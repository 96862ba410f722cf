"""docs/grants.sql: each role can do its work, and no more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import build_warehouse
from tests.cli.shell import Shell, variables
from tests.grants import AFTER_UPGRADE, ONCE, REDSHIFT
from tests.standin.warehouses import a_database

REPOSITORY = Path(__file__).parents[2]
ROLES = re.compile(r"\b(quper_migrator|quper_writer|quper_reader|qupersync(?= PASS| SYSLOG|;))\b")
# What the stand-in has instead of Redshift's own statement.
SYSLOG = re.compile(r"ALTER USER (\S+) SYSLOG ACCESS UNRESTRICTED")
REJECT = """
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
  payload_sha256, key, reason)
VALUES (gen_random_uuid(), 'default', 'items', '{"secret": 1}', '', 'x', '', 'k', 'null-key')
"""
MORE = """
  mine:
    sql: SELECT node FROM stv_node_storage_capacity
    target: quper.mine
    key: [node]
    mode: snapshot
    delete_missing: false
    columns: {node: bigint}
"""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The built-in jobs between a warehouse and a target, with the roles of the file in both."""

    shell: Shell
    target: str
    mark: str

    def become(self, role: str) -> Shell:
        """Let the program come to the target as this role."""
        login = {"POSTGRES_USER": f"{role}_{self.mark}", "POSTGRES_PASSWORD": "change-me"}
        self.shell.variables |= login
        return self.shell

    def execute(self, role: str, sql: str) -> list[Any]:
        at = make_conninfo(self.target, user=f"{role}_{self.mark}", password="change-me")
        with psycopg.connect(at, autocommit=True) as connection:
            cursor = connection.execute(marked(sql, self.mark).encode())
            return cursor.fetchall() if cursor.description else []


def marked(sql: str, mark: str) -> str:
    """Rename the roles: they belong to the whole server, which other tests use too."""
    return ROLES.sub(rf"\1_{mark}", sql)


@pytest.fixture
def installation(
    server: PostgresAddress, shell: Shell, empty_database: str
) -> Iterator[Installation]:
    mark = str(conninfo_to_dict(empty_database)["dbname"])
    shell.write_jobs((REPOSITORY / "jobs.yaml").read_text())
    with a_database(server) as source:
        build(
            source,
            SYSLOG.sub(r"INSERT INTO standin.syslog_access VALUES ('\1')", marked(REDSHIFT, mark)),
        )
        at(empty_database, marked(ONCE, mark))
        try:
            with StandIn(upstream=replace(server, user=f"qupersync_{mark}")) as stand_in:
                shell.variables = variables(stand_in, source, empty_database)
                done = Installation(shell=shell, target=empty_database, mark=mark)
                assert done.become("quper_migrator").type("db", "upgrade").code == 0
                done.execute("quper_migrator", AFTER_UPGRADE)
                yield done
        finally:
            for role in ("quper_reader", "quper_writer", "quper_migrator"):
                at(empty_database, f"DROP OWNED BY {role}_{mark} CASCADE; DROP ROLE {role}_{mark}")
            at(source, f"DROP OWNED BY qupersync_{mark}; DROP ROLE qupersync_{mark}")


def build(source: str, grants: str) -> None:
    with psycopg.connect(source) as connection:
        now = connection.execute("SELECT clock_timestamp()").fetchone()
        assert now is not None
        build_warehouse(connection, flavor="provisioned", rows=200, now=now[0])
    at(source, grants)


def at(conninfo: str, sql: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.encode())


def test_the_writer_runs_each_built_in_job_and_the_doctor_finds_nothing(
    installation: Installation,
):
    shell = installation.become("quper_writer")

    assert shell.type("run", "--all", "-q").code == 0
    assert shell.type("run", "--all", "-q").code == 0
    lines = shell.type("doctor", "-o", "json").document
    assert [found for found in lines if found["state"] != "ok"] == []


def test_the_redshift_user_sees_the_rows_of_everybody(installation: Installation):
    installation.become("quper_writer").type("run", "query_history")

    users = "SELECT count(DISTINCT user_id) > 1 FROM quper.query_history"
    assert installation.execute("quper_reader", users) == [(True,)]


def test_what_db_create_adds_is_loaded_after_the_last_part_ran_again(installation: Installation):
    jobs = (REPOSITORY / "jobs.yaml").read_text() + MORE
    installation.shell.write_jobs(jobs)
    assert installation.become("quper_migrator").type("db", "create", "mine").code == 0

    installation.execute("quper_migrator", AFTER_UPGRADE)

    assert installation.become("quper_writer").type("run", "mine", "-q").code == 0
    assert installation.execute("quper_reader", "SELECT count(*) FROM quper.mine") == [(2,)]


@pytest.mark.parametrize(
    "table", ["query_history", "table_stats", "sync_status_v1", "sync_runs_v1"]
)
def test_the_reader_reads(installation: Installation, table: str):
    assert installation.execute("quper_reader", f"SELECT count(*) FROM quper.{table}") == [(0,)]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("quper_reader", "SELECT payload FROM quper.sync_rejects"),
        ("quper_reader", "SELECT error FROM quper.sync_logs"),
        ("quper_reader", "SELECT watermark FROM quper.qupersync_state"),
        ("quper_reader", "INSERT INTO quper.node_details VALUES (1)"),
        ("quper_reader", "UPDATE quper.query_history SET status = ''"),
        ("quper_reader", "DELETE FROM quper.query_history"),
        ("quper_reader", "SELECT nextval('quper.qupersync_fence_seq')"),
        ("quper_reader", "CREATE TABLE quper.mine (id int)"),
        ("quper_writer", "CREATE TABLE quper.mine (id int)"),
        ("quper_writer", "DROP TABLE quper.query_history"),
        ("quper_writer", "TRUNCATE quper.query_history"),
        ("quper_writer", "DELETE FROM quper.query_history"),
        ("quper_writer", "DELETE FROM quper.sync_logs"),
        ("quper_writer", "DELETE FROM quper.sync_rejects"),
        ("quper_writer", "UPDATE quper.sync_batches SET rows_extracted = 0"),
        ("quper_writer", "UPDATE quper.qupersync_version SET version_num = ''"),
    ],
)
def test_a_role_may_not(installation: Installation, role: str, statement: str):
    with pytest.raises(InsufficientPrivilege):
        installation.execute(role, statement)


def test_the_writer_keeps_what_the_reader_must_not_see(installation: Installation):
    installation.execute("quper_writer", REJECT)

    assert installation.execute("quper_writer", "SELECT key FROM quper.sync_rejects") == [("k",)]
