"""Which error of the target is a row's, a conflict or an outage, and what of its text is told."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from psycopg.pq import DiagnosticField

from qupersync.demo.postgres import PostgresAddress
from qupersync.domain.errors import (
    BugError,
    CanceledError,
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QuperSyncError,
    ResourceError,
    RowsRefusedError,
    StatementError,
    TargetMismatchError,
    TargetUnavailableError,
    TimeLimitError,
)
from qupersync.infrastructure.postgres.errors import classified, translated


def answer(state: str, message: str = "") -> psycopg.Error:
    """Build what psycopg makes of a server's answer; of a class it has not, the general one."""
    told: dict[int, bytes | None] = {
        DiagnosticField.SQLSTATE: state.encode(),
        DiagnosticField.MESSAGE_PRIMARY: message.encode(),
    }
    return errors._class_for_state(state)(message, info=told)


def silent(text: str) -> psycopg.Error:
    return psycopg.OperationalError(f'connection to server at "10.0.0.1", port 5432 failed: {text}')


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("40001"), ConflictError),
        (answer("40P01"), ConflictError),
        (answer("55P03", "canceling statement due to lock timeout"), ConflictError),
        (answer("0A000", "cached plan must not change result type"), ConflictError),
        (answer("57014", "canceling statement due to statement timeout"), TimeLimitError),
        (answer("57014", "canceling statement due to user request"), CanceledError),
        (answer("57014"), TimeLimitError),
        (answer("25P04"), TimeLimitError),
        (answer("25P03"), TargetUnavailableError),
        (answer("57P01"), TargetUnavailableError),
        (answer("57P02"), TargetUnavailableError),
        (answer("57P03"), TargetUnavailableError),
        (answer("08006"), TargetUnavailableError),
        (answer("08P01", "query_wait_timeout"), TargetUnavailableError),
        (answer("25006", "cannot execute INSERT in a read-only transaction"),
         TargetUnavailableError),
        (answer("53100"), ResourceError),
        (answer("53200"), ResourceError),
        (answer("53300"), ResourceError),
        (answer("53400"), ResourceError),
        (answer("42501"), PermissionDeniedError),
        (answer("28000"), LoginRefusedError),
        (answer("28P01"), LoginRefusedError),
        (answer("3D000"), LoginRefusedError),
        (answer("57P04"), LoginRefusedError),
        (answer("42P01"), TargetMismatchError),
        (answer("42703"), TargetMismatchError),
        (answer("42704"), TargetMismatchError),
        (answer("42P10"), TargetMismatchError),
        (answer("42804"), TargetMismatchError),
        (answer("42601"), TargetMismatchError),
        (answer("42883"), TargetMismatchError),
        (answer("428C9"), TargetMismatchError),
        (answer("3F000"), TargetMismatchError),
        (answer("54011"), TargetMismatchError),
        (answer("54023"), TargetMismatchError),
        (answer("21000"), RowsRefusedError),
        (answer("22001"), RowsRefusedError),
        (answer("22003"), RowsRefusedError),
        (answer("22007"), RowsRefusedError),
        (answer("22008"), RowsRefusedError),
        (answer("22021"), RowsRefusedError),
        (answer("22P02"), RowsRefusedError),
        (answer("22P05"), RowsRefusedError),
        (answer("23502"), RowsRefusedError),
        (answer("23503"), RowsRefusedError),
        (answer("23505"), RowsRefusedError),
        (answer("23514"), RowsRefusedError),
        (answer("38000"), RowsRefusedError),
        (answer("54000"), RowsRefusedError),
        (answer("54001"), RowsRefusedError),
        (answer("P0001"), RowsRefusedError),
        (psycopg.DataError("a NUL"), RowsRefusedError),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), RowsRefusedError),
        (answer("25P02"), BugError),
        (psycopg.ProgrammingError("the query has 1 placeholder but 0 were passed"), BugError),
        (psycopg.InterfaceError("the cursor is closed"), BugError),
        (answer("XX000"), StatementError),
        (answer("58030"), StatementError),
        (answer("42P07"), StatementError),
        (answer("ZZ999", "never heard of"), StatementError),
        (silent('FATAL:  password authentication failed for user "x"'), LoginRefusedError),
        (silent("fe_sendauth: no password supplied"), LoginRefusedError),
        (silent('FATAL:  database "x" does not exist'), LoginRefusedError),
        (silent('FATAL:  role "x" does not exist'), LoginRefusedError),
        (silent('FATAL:  role "x" is not permitted to log in'), LoginRefusedError),
        (silent('FATAL:  permission denied for database "x"'), LoginRefusedError),
        (silent('FATAL:  no pg_hba.conf entry for host "10.0.0.2"'), LoginRefusedError),
        (silent("FATAL:  no such database: x"), LoginRefusedError),
        (silent("SSL error: certificate verify failed"), LoginRefusedError),
        (silent('server certificate for "a" does not match host name "b"'), LoginRefusedError),
        (silent("server does not support SSL, but SSL was required"), LoginRefusedError),
        (silent("SSL error: tlsv1 alert unknown ca"), LoginRefusedError),
        (silent("FATAL:  sorry, too many clients already"), ResourceError),
        (silent('FATAL:  too many connections for role "x"'), ResourceError),
        (silent("sending query failed: cannot allocate memory for output buffer"), ResourceError),
        (silent("FATAL:  remaining connection slots are reserved for roles"), ResourceError),
        (silent("FATAL:  no more connections allowed (max_client_conn)"), ResourceError),
        (silent("FATAL:  the database system is starting up"), TargetUnavailableError),
        (silent("Connection refused"), TargetUnavailableError),
        (silent("SSL connection has been closed unexpectedly"), TargetUnavailableError),
        (silent("SSL SYSCALL error: EOF detected"), TargetUnavailableError),
        (errors.ConnectionTimeout("connection timeout expired"), TargetUnavailableError),
        (psycopg.OperationalError("failed to resolve host 'x': Name or service not known"),
         TargetUnavailableError),
        (psycopg.OperationalError("the connection is closed"), TargetUnavailableError),
        (psycopg.OperationalError("consuming input failed: EOF detected"), TargetUnavailableError),
    ],
    ids=repr,
)  # fmt: skip
def test_an_error_is_sorted_by_its_sqlstate_or_without_one_by_its_text(error, kind):
    with pytest.raises(QuperSyncError) as caught, translated():
        raise error

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"dbname": "nowhere"}, LoginRefusedError),
        ({"user": "nobody"}, LoginRefusedError),
        ({"port": 1}, TargetUnavailableError),
        ({"host": "127.0.0.1", "port": 1}, TargetUnavailableError),
    ],
)
def test_a_failed_connect_is_sorted_by_what_this_server_and_driver_say(server, options, kind):
    with pytest.raises(QuperSyncError) as caught, translated():
        psycopg.connect(server.conninfo("postgres"), **options)

    assert type(caught.value) is kind


def test_a_statement_that_took_too_long_and_one_that_a_person_ended_are_told_apart(connection):
    connection.execute("SET statement_timeout = 1")
    with pytest.raises(TimeLimitError, match="statement timeout"), translated():
        connection.execute("SELECT pg_sleep(60)")

    connection.execute("SET statement_timeout = 0")
    with pytest.raises(CanceledError, match="user request"), translated():
        connection.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")


def test_half_a_character_is_a_bad_row(connection):
    with pytest.raises(RowsRefusedError, match="a value that PostgreSQL cannot take"), translated():
        connection.execute("SELECT %s", ["s3cret\ud800"])


def test_after_a_failover_the_hint_is_about_the_address():
    assert "POSTGRES_HOST must lead to the primary" in classified(answer("25006")).hint


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
    with pytest.raises(TargetMismatchError) as caught, translated():
        connection.execute("SELECT FROM x")

    assert str(caught.value) == 'relation "x" does not exist (SQLSTATE 42P01)'


def test_a_taken_key_is_a_conflict_where_it_means_a_rival(connection):
    with pytest.raises(ConflictError), translated(conflict_on="one_id"):
        connection.execute("INSERT INTO t VALUES (731, 1)")
    with pytest.raises(RowsRefusedError), translated(conflict_on="another"):
        connection.execute("INSERT INTO t VALUES (731, 1)")
