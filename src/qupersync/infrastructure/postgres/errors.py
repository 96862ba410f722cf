"""psycopg's errors to the domain's; the only place that knows SQLSTATEs of the target."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import psycopg

from qupersync.domain.errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QuperSyncError,
    ResourceError,
    RowsRefusedError,
    StatementError,
    TargetUnavailableError,
    TimeLimitError,
)

# psycopg has no SQLSTATE for a failed connect, not even for a wrong password (psycopg 3.3).
_REFUSALS = (
    "authentication failed", "no pg_hba.conf entry", "no password supplied", "does not exist",
    "permission denied for database", "is not permitted to log in", "certificate verify failed",
)  # fmt: skip
_LOGIN_HINT = "check POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB: qupersync config show"
_TLS_HINT = "check POSTGRES_HOST, POSTGRES_SSLMODE and the certificate"
_BY_STATE: dict[str, type[QuperSyncError]] = {
    "40001": ConflictError,
    "40P01": ConflictError,
    "55P03": ConflictError,
    "57014": TimeLimitError,
    "25P03": TargetUnavailableError,
    "42501": PermissionDeniedError,
    "25006": PermissionDeniedError,
    "28000": LoginRefusedError,
    "28P01": LoginRefusedError,
    "3D000": LoginRefusedError,
}
_BY_CLASS: dict[str, type[QuperSyncError]] = {
    "08": TargetUnavailableError,
    "53": ResourceError,
    "57": TargetUnavailableError,
}
# P0 and 38 are what triggers and functions raise.
_ROW_CLASSES = ("22", "23", "38", "54", "P0")
# The classes whose messages name tables, roles and settings, but never quote a value.
_SPEAKING = (
    "08", "0A", "25", "28", "2B", "2D", "34", "3D", "3F", "40", "42", "53", "55", "57", "58",
)  # fmt: skip


def classified(error: psycopg.Error, *, conflict_on: Collection[str] = ()) -> QuperSyncError:
    """Sort an error of the target; its text never holds a row's values.

    ``conflict_on`` names the unique indexes whose violation means that another session was faster.
    """
    state = error.sqlstate or ""
    if not state:
        return _without_answer(error)
    if state == "23505" and error.diag.constraint_name in conflict_on:
        return ConflictError("another session wrote the same key")
    if state[:2] in _ROW_CLASSES:
        return RowsRefusedError(
            _named(state, error), sqlstate=state, column=error.diag.column_name or ""
        )
    kind = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], StatementError)
    said = error.diag.message_primary if state[:2] in _SPEAKING else type(error).__name__
    hint = _LOGIN_HINT if kind is LoginRefusedError else ""
    return kind(f"{said} (SQLSTATE {state})", hint=hint)


def _named(state: str, error: psycopg.Error) -> str:
    constraint = error.diag.constraint_name
    return f"{type(error).__name__} (SQLSTATE {state})" + (
        f" by constraint {constraint!r}" if constraint else ""
    )


def _without_answer(error: psycopg.Error) -> QuperSyncError:
    if isinstance(error, psycopg.DataError):
        return RowsRefusedError("a value that PostgreSQL cannot take")
    text = " ".join(str(error).split())
    if any(refusal in text for refusal in _REFUSALS):
        hint = _TLS_HINT if "certificate verify failed" in text else _LOGIN_HINT
        return LoginRefusedError(f"PostgreSQL refused the login: {text}", hint=hint)
    return TargetUnavailableError(f"PostgreSQL is not reachable: {text}")


@contextmanager
def translated(*, conflict_on: Collection[str] = ()) -> Iterator[None]:
    """Turn psycopg's errors inside the block into the domain's, the cause kept."""
    try:
        yield
    except psycopg.Error as error:
        raise classified(error, conflict_on=conflict_on) from error
