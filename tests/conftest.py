"""One PostgreSQL for the whole test session, and a fresh database of it for each test."""

import os
import signal
from contextlib import ExitStack
from typing import Any

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql import factories

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres
from tests.grants import READABLE, execute, make_roles, migrate

ADDRESS_PARTS = ("host", "port", "user", "password")
DATABASE_FIXTURES = {"server", "target", "empty_database"}
FOREIGN_SETTINGS = ("AWS_", "PG", "POSTGRES_", "QUPERSYNC_", "REDSHIFT_", "SYNC_", "TIMEZONE")

# A deadline measures a busy machine, not the code.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find or start the server, tell pytest-postgresql, and forget the settings of the machine."""
    _heed_signals()
    config = session.config
    workerinput = getattr(config, "workerinput", {})
    known = workerinput.get("postgres") or os.environ.get("QUPERSYNC_TEST_POSTGRES")
    for name in [name for name in os.environ if name.startswith(FOREIGN_SETTINGS)]:
        del os.environ[name]
    stack = ExitStack()
    config.add_cleanup(stack.close)
    address = (
        PostgresAddress.from_uri(known) if known else stack.enter_context(throwaway_postgres())
    )
    for part in ADDRESS_PARTS:
        setattr(config.option, f"postgresql_{part}", getattr(address, part))
    if not workerinput:
        make_roles(address)


def _heed_signals() -> None:
    """Undo that a background job ignores SIGINT and nohup SIGHUP: a child would inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # Still without effect here, and as it was at first in a child.
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the server's address to a worker of pytest-xdist, which must not start another."""
    node.workerinput["postgres"] = _address(node.config).conninfo("postgres")


def pytest_report_header(config: pytest.Config) -> str:
    with psycopg.connect(_address(config).conninfo("postgres")) as connection:
        version = connection.info.parameter_status("server_version")
    return f"PostgreSQL {version} at {config.option.postgresql_host}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("postgres")


def _address(config: pytest.Config) -> PostgresAddress:
    return PostgresAddress(
        **{part: getattr(config.option, f"postgresql_{part}") for part in ADDRESS_PARTS}
    )


def _migrate(*, autocommit: bool, **database: Any) -> None:
    migrate(make_conninfo(**database))


def _let_read(*, autocommit: bool, **database: Any) -> None:
    execute(make_conninfo(**database), READABLE)


_migrated = factories.postgresql_noproc(dbname="migrated", load=[_migrate])
_clone_of_migrated = factories.postgresql("_migrated")
_blank = factories.postgresql_noproc(dbname="blank", load=[_let_read])
_clone_of_blank = factories.postgresql("_blank")


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> PostgresAddress:
    """The session's PostgreSQL, with the rights of a superuser."""
    return _address(pytestconfig)


@pytest.fixture
def target(server: PostgresAddress, _clone_of_migrated: psycopg.Connection) -> str:
    """The conninfo of a migrated database of this test's own."""
    return _released(server, _clone_of_migrated)


@pytest.fixture
def empty_database(server: PostgresAddress, _clone_of_blank: psycopg.Connection) -> str:
    """The conninfo of a database of this test's own with nothing in it."""
    return _released(server, _clone_of_blank)


def _released(server: PostgresAddress, connection: psycopg.Connection) -> str:
    with connection:  # closed: a test counts only its own sessions
        return server.conninfo(connection.info.dbname)
