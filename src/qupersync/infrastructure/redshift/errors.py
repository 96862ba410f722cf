"""The driver's errors to the domain's; its exception classes say little, so SQLSTATEs decide."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from psycopg import errors
from redshift_connector.error import Error, InterfaceError

from qupersync.domain.errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    QuperSyncError,
    ResourceError,
    SourceUnavailableError,
    TimeLimitError,
)

# What a cut connection looks like: the driver lets these builtins through.
_BROKEN = (OSError, EOFError, KeyError, IndexError, ValueError, AttributeError)
_BY_STATE: dict[str, type[QuperSyncError]] = {
    "28000": LoginRefusedError,
    "28P01": LoginRefusedError,
    "3D000": LoginRefusedError,
    "42501": PermissionDeniedError,
    "57014": TimeLimitError,
    "55P03": ConflictError,
    "40001": ConflictError,
    "40P01": ConflictError,
}
_BY_CLASS: dict[str, type[QuperSyncError]] = {
    "08": SourceUnavailableError,
    "57": SourceUnavailableError,
    "53": ResourceError,
}
# Redshift reports these as XX000: only the text tells them from bugs.
_BY_TEXT: dict[str, type[QuperSyncError]] = {
    "serializable isolation violation": ConflictError,
    "conflict with concurrent transaction": ConflictError,
    "could not open relation with oid": ConflictError,
    "relation with oid": ConflictError,
    "connection limit": ResourceError,
    "disk full": ResourceError,
    "iam authentication token has expired": SourceUnavailableError,
}
_VALUE_CLASS = "22"
_AWS_BUSY = frozenset(
    {"InternalFailure", "ServiceUnavailable", "Throttling", "ThrottlingException"}
)
_LOGIN_HINT = "check REDSHIFT_USER, REDSHIFT_PASSWORD and REDSHIFT_DB: qupersync config show"
_AWS_HINT = "check REDSHIFT_IAM, AWS_* and the rights of the role; try: aws sts get-caller-identity"
# "Invalid digit, Value 'x', Pos 0, Type: Integer" has the state of an internal error too.
_QUOTED = re.compile(r"'.*'", re.DOTALL)
_NEW_WORD = re.compile(r"\B(?=[A-Z])")


def classified(
    error: BaseException, refusal: BaseException | None = None, *, server: str = "Redshift"
) -> QuperSyncError:
    """Sort an error of the source; ``refusal`` is what the server said before it hung up.

    ``server`` is how a text about the connection calls it.
    """
    answer = _answer(error) or _answer(refusal)
    if answer:
        return _answered(answer)
    match error:
        case aws.BotoCoreError() | aws.ClientError():
            return _of_aws(error)
        case TimeoutError():
            return TimeLimitError("the source did not answer within the job's time limit")
        case _:
            return _broken(error, server)


def _broken(error: BaseException, server: str) -> QuperSyncError:
    if isinstance(error, ssl.SSLCertVerificationError) or _is_tls(error):
        return SourceUnavailableError(
            f"TLS with {server} failed: {_inner(error)}",
            hint="check REDSHIFT_HOST and the certificate; REDSHIFT_SSLMODE is verify-full",
        )
    return SourceUnavailableError(f"{server} is not reachable: {_inner(error)}")


def _of_aws(error: aws.BotoCoreError | aws.ClientError) -> QuperSyncError:
    # With IAM the driver asks AWS for the password. An answer is a refusal, silence is not.
    if isinstance(error, aws.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        kind = SourceUnavailableError if code in _AWS_BUSY else LoginRefusedError
        return kind(f"AWS gave no credentials for Redshift: {code}", hint=_AWS_HINT)
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return SourceUnavailableError(f"AWS is not reachable: {type(error).__name__}")
    return LoginRefusedError(f"no credentials for AWS: {type(error).__name__}", hint=_AWS_HINT)


def _answered(answer: dict[str, str]) -> QuperSyncError:
    state, message = answer.get("C", ""), answer.get("M", "")
    kind = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    for text, by_text in _BY_TEXT.items():
        if kind is None and text in message.lower():
            kind = by_text
    if state[:2] == _VALUE_CLASS:
        message = _condition(state)  # the server's own text would quote the value
    elif state[:2] == "XX":
        message = _QUOTED.sub("'...'", message)
    hint = _LOGIN_HINT if kind is LoginRefusedError else ""
    answered = (kind or QueryError)(f"Redshift answered: {message} (SQLSTATE {state})", hint=hint)
    answered.sqlstate = state
    return answered


def _condition(state: str) -> str:
    try:
        return _NEW_WORD.sub(" ", errors.lookup(state).__name__).lower()
    except KeyError:
        return "a value does not fit"


def _answer(error: BaseException | None) -> dict[str, str]:
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(first, dict) else {}


def _is_tls(error: BaseException) -> bool:
    return isinstance(error, InterfaceError) and (
        "SSL" in str(error.args[0]) or any(isinstance(part, ssl.SSLError) for part in error.args)
    )


def _inner(error: BaseException) -> str:
    # The builtins that the driver lets through may hold what it was reading.
    speaks = isinstance(error, OSError | Error) and error.args
    return ": ".join(map(str, error.args)) if speaks else type(error).__name__


@contextmanager
def translated(
    refusal: Callable[[], BaseException | None] = lambda: None, *, server: str = "Redshift"
) -> Iterator[None]:
    """Turn the driver's errors inside the block into the domain's, the cause kept."""
    try:
        yield
    except (Error, aws.BotoCoreError, aws.ClientError, *_BROKEN) as error:
        raise classified(error, refusal(), server=server) from error
