"""Which error of the target is a row's, a conflict or an outage, and what of its text is told."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from qupersync.demo.postgres import PostgresAddress
from qupersync.domain.errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    ResourceError,
    RowsRefusedError,
    StatementError,
    TargetUnavailableError,
    TimeLimitError,
)
from qupersync.infrastructure.postgres.errors import classified, translated


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.SerializationFailure(), ConflictError),
        (errors.DeadlockDetected(), ConflictError),
        (errors.LockNotAvailable(), ConflictError),
        (errors.QueryCanceled(), TimeLimitError),
        (errors.IdleInTransactionSessionTimeout(), TargetUnavailableError),
        (errors.AdminShutdown(), TargetUnavailableError),
        (errors.ConnectionFailure(), TargetUnavailableError),
        (errors.DiskFull(), ResourceError),
        (errors.TooManyConnections(), ResourceError),
        (errors.InsufficientPrivilege(), PermissionDeniedError),
        (errors.ReadOnlySqlTransaction(), PermissionDeniedError),
        (errors.InvalidPassword(), LoginRefusedError),
        (errors.InvalidCatalogName(), LoginRefusedError),
        (errors.InvalidTextRepresentation(), RowsRefusedError),
        (errors.CheckViolation(), RowsRefusedError),
        (errors.ProgramLimitExceeded(), RowsRefusedError),
        (errors.RaiseException(), RowsRefusedError),
        (errors.UndefinedTable(), StatementError),
        (errors.InternalError_(), StatementError),
        (psycopg.DataError("a NUL"), RowsRefusedError),
        (psycopg.OperationalError("server closed the connection"), TargetUnavailableError),
        (psycopg.OperationalError("FATAL: no pg_hba.conf entry for host"), LoginRefusedError),
    ],
)
def test_an_error_is_sorted_by_its_sqlstate(error, kind):
    assert type(classified(error)) is kind


@pytest.mark.parametrize(
    ("error", "variable"),
    [
        (errors.InvalidPassword(), "POSTGRES_PASSWORD"),
        (psycopg.OperationalError("FATAL: password authentication failed"), "POSTGRES_PASSWORD"),
        (psycopg.OperationalError('FATAL: database "x" does not exist'), "POSTGRES_DB"),
        (psycopg.OperationalError("SSL error: certificate verify failed"), "POSTGRES_SSLMODE"),
    ],
)
def test_a_refused_login_names_the_variable_to_check(error, variable):
    assert variable in classified(error).hint


@pytest.fixture
def connection(server: PostgresAddress) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE TEMP TABLE t (id int CONSTRAINT one_id UNIQUE, n int NOT NULL, s text,"
            " CONSTRAINT no_secret CHECK (s <> 's3cret'));"
            "INSERT INTO t VALUES (731, 1)"
        )
        yield connection


RAISE = "DO $$ BEGIN RAISE '% is bad', 's3cret' {}; END $$"


@pytest.mark.parametrize(
    ("statement", "text", "column"),
    [
        ("SELECT 's3cret'::int", "InvalidTextRepresentation (SQLSTATE 22P02)", ""),
        ("INSERT INTO t VALUES (1, NULL, 's3cret')", "NotNullViolation (SQLSTATE 23502)", "n"),
        ("INSERT INTO t VALUES (1, 1, 's3cret')",
         "CheckViolation (SQLSTATE 23514) by constraint 'no_secret'", ""),
        ("INSERT INTO t VALUES (731, 1)",
         "UniqueViolation (SQLSTATE 23505) by constraint 'one_id'", ""),
        (RAISE.format(""), "RaiseException (SQLSTATE P0001)", ""),
        (RAISE.format("USING errcode = '22ABC'"), "DataError (SQLSTATE 22ABC)", ""),
    ],
)  # fmt: skip
def test_a_refused_row_is_told_by_its_condition_and_never_by_its_values(
    connection, statement, text, column
):
    with pytest.raises(RowsRefusedError) as caught, translated():
        connection.execute(statement)

    assert (str(caught.value), caught.value.column) == (text, column)


@pytest.mark.parametrize("state", ["XX000", "ZZ001"])
def test_a_message_that_may_quote_a_value_is_not_told(connection, state):
    with pytest.raises(StatementError, match=rf"^\w+ \(SQLSTATE {state}\)$"), translated():
        connection.execute(RAISE.format(f"USING errcode = '{state}'"))


def test_a_refused_statement_is_told_in_the_servers_words(connection):
    with pytest.raises(StatementError) as caught, translated():
        connection.execute("SELECT FROM x")

    assert str(caught.value) == 'relation "x" does not exist (SQLSTATE 42P01)'


def test_a_taken_key_is_a_conflict_where_it_means_a_rival(connection):
    with pytest.raises(ConflictError), translated(conflict_on="one_id"):
        connection.execute("INSERT INTO t VALUES (731, 1)")
    with pytest.raises(RowsRefusedError), translated(conflict_on="another"):
        connection.execute("INSERT INTO t VALUES (731, 1)")
