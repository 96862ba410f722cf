"""psycopg's errors to the domain's; the only place that knows SQLSTATEs of the target."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import psycopg

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
from qupersync.infrastructure.error_rules import Rule, first

_LOGIN_HINT = "check POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB: qupersync config show"
_TLS_HINT = "check POSTGRES_HOST, POSTGRES_SSLMODE and the certificate: qupersync config show"
_STANDBY_HINT = "after a failover POSTGRES_HOST must lead to the primary: qupersync doctor"
RULES = (
    # The server says the same code when its time limit ends a statement and when a person does.
    Rule(error=CanceledError, states=("57014",), texts=("due to user request",)),
    Rule(error=TimeLimitError, states=("57014", "25P04")),
    Rule(error=ConflictError, states=("0A000",), texts=("cached plan must not change",)),
    Rule(error=RowsRefusedError, states=("0A000",), texts=("cannot convert (nan|infinity) to",)),
    Rule(error=ConflictError, states=("40001", "40P01", "55P03")),
    Rule(error=LoginRefusedError, states=("28", "3D000", "57P04"), hint=_LOGIN_HINT),
    Rule(error=TargetUnavailableError, states=("25006",), hint=_STANDBY_HINT),
    Rule(error=TargetUnavailableError, states=("08", "25P03", "57")),
    Rule(error=ResourceError, states=("53",)),
    Rule(error=PermissionDeniedError, states=("42501",)),
    # What no other row would cure: a missing or a wrong column, type, index or function.
    Rule(
        error=TargetMismatchError,
        states=(
            "3F000", "42601", "42703", "42704", "42804", "42883", "428C9", "42P01", "42P10",
            "54011", "54023",
        ),
    ),
    # P0 and 38 are what triggers and functions raise.
    Rule(error=RowsRefusedError, states=("21", "22", "23", "38", "54", "P0")),
    Rule(error=BugError, states=("25P02",)),
)  # fmt: skip
# psycopg has no SQLSTATE for a failed connect, not even for a wrong password (psycopg 3.3).
SILENT_RULES = (
    Rule(
        error=LoginRefusedError,
        texts=("certificate", "private key", "does not support ssl", "ssl error.*(alert|version)"),
        hint=_TLS_HINT,
    ),
    Rule(
        error=LoginRefusedError,
        texts=(
            "authentication failed", r"no pg_hba\.conf entry", "no password supplied",
            "does not exist", "permission denied for database", "not permitted to log in",
            "no such (user|database)",
        ),
        hint=_LOGIN_HINT,
    ),
    Rule(
        error=ResourceError,
        texts=(
            "too many (clients|connections)", "connection slots are reserved", "no more conn",
            "cannot allocate memory", "out of memory",  # libpq's, of this machine
        ),
    ),
)  # fmt: skip
UNKNOWN = Rule(error=StatementError)
AWAY = Rule(error=TargetUnavailableError)
# The classes whose messages name tables, roles and settings, but never quote a value.
_SPEAKING = (
    "08", "0A", "25", "28", "2B", "2D", "34", "3D", "3F", "40", "42", "53", "54011", "54023",
    "55", "57", "58",
)  # fmt: skip


def classified(
    error: psycopg.Error | UnicodeEncodeError, *, conflict_on: Collection[str] = ()
) -> QuperSyncError:
    """Sort an error of the target; its text never holds a row's values.

    ``conflict_on`` names the unique indexes whose violation means that another session was faster.
    """
    state = "" if isinstance(error, UnicodeEncodeError) else error.sqlstate or ""
    if isinstance(error, UnicodeEncodeError) or not state:
        return _without_answer(error)
    if state == "23505" and error.diag.constraint_name in conflict_on:
        return ConflictError("another session wrote the same key", sqlstate=state)
    said = error.diag.message_primary or ""
    rule = first(RULES, state, said, otherwise=UNKNOWN)
    if rule.error is RowsRefusedError:
        column = error.diag.column_name or ""
        return RowsRefusedError(_named(state, error), sqlstate=state, column=column)
    words = said if said and state.startswith(_SPEAKING) else type(error).__name__
    return rule.error(f"{words} (SQLSTATE {state})", hint=rule.hint, sqlstate=state)


def _named(state: str, error: psycopg.Error) -> str:
    constraint = error.diag.constraint_name
    return f"{type(error).__name__} (SQLSTATE {state})" + (
        f" by constraint {constraint!r}" if constraint else ""
    )


def _without_answer(error: psycopg.Error | UnicodeEncodeError) -> QuperSyncError:
    if isinstance(error, psycopg.DataError | UnicodeEncodeError):
        return RowsRefusedError("a value that PostgreSQL cannot take")
    if not isinstance(error, psycopg.OperationalError):
        return BugError.naming(error)
    text = " ".join(str(error).split())
    rule = first(SILENT_RULES, "", text, otherwise=AWAY)
    what = "refused the login" if rule.error is LoginRefusedError else "is not reachable"
    return rule.error(f"PostgreSQL {what}: {text}", hint=rule.hint)


@contextmanager
def translated(*, conflict_on: Collection[str] = ()) -> Iterator[None]:
    """Turn psycopg's errors inside the block into the domain's, the cause kept."""
    try:
        yield
    except (psycopg.Error, UnicodeEncodeError) as error:  # the latter is of a half a character
        raise classified(error, conflict_on=conflict_on) from error
