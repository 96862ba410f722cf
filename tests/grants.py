"""docs/grants.sql by its parts, and the suite's own logins, which are its roles."""

import re
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from qupersync.demo.postgres import PostgresAddress

TITLE = re.compile(r"-{96}\n-- \d\. .*\n-{96}\n")
_FILE = (Path(__file__).parents[1] / "docs" / "grants.sql").read_text()
_, REDSHIFT, ONCE, AFTER_UPGRADE = TITLE.split(_FILE)
# What a clone of a database does not inherit.
ON_DATABASE = ONCE[ONCE.index("DO $$") :]
PASSWORD = "change-me"  # noqa: S105 - the file's own
# A role is of the whole server, and another session of the suite may have made it.
_IF_NEW = "DO $$ BEGIN {} EXCEPTION WHEN duplicate_object THEN NULL; END $$"
# What an administrator grants of each table of a job: there, to the reader; here, to the writer.
READABLE = """
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO qupersync;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO qupersync;
"""
WRITABLE = """
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO quper_writer;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO quper_writer;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO quper_writer;
"""


def execute(conninfo: str, statements: str) -> None:
    """Run statements in one database."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statements.encode())


def migrate(conninfo: str) -> None:
    """Make the schema as the shipped roles do, so that a test runs with no more than theirs."""
    # Only here, so that a broken migration fails the tests that need it and no others.
    from qupersync.infrastructure.postgres.migrations import upgrade  # noqa: PLC0415

    migrator = as_role(conninfo, "quper_migrator")
    execute(conninfo, ON_DATABASE)
    upgrade(migrator)
    execute(migrator, AFTER_UPGRADE)
    execute(conninfo, WRITABLE)


def make_roles(server: PostgresAddress) -> None:
    """Make the roles of the file on a server that may have them."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        for statement in re.findall(r"^CREATE (?:ROLE|USER).*;$", REDSHIFT + ONCE, re.MULTILINE):
            connection.execute(_IF_NEW.format(statement).encode())
        connection.execute("ALTER ROLE qupersync CONNECTION LIMIT -1")  # all tests share it


def as_role(conninfo: str, role: str) -> str:
    """Return the way to the same database for a role of the file."""
    return make_conninfo(conninfo, user=role, password=PASSWORD)


def reader_of(server: PostgresAddress) -> PostgresAddress:
    """Return the server as the stand-in comes to it: with the rights of Redshift's user."""
    return replace(server, user="qupersync", password="Change-me-1")
