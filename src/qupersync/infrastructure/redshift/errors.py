"""The driver's errors to the domain's; its exception classes say little, so the answer decides."""

import re
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from psycopg import errors
from redshift_connector.error import Error, InterfaceError, OperationalError

from qupersync.domain.errors import LoginRefusedError, QuperSyncError, TimeLimitError
from qupersync.domain.errors import SourceUnavailableError as AwayError
from qupersync.infrastructure.error_rules import first
from qupersync.infrastructure.redshift import error_table as table

# What a cut connection looks like: the driver lets these builtins through.
_BROKEN = (OSError, EOFError, KeyError, IndexError, ValueError, AttributeError, struct.error)
# Of the driver's own errors only these are about the connection.
_OF_CONNECTION = (InterfaceError, OperationalError)
_TLS_CUT = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)
_TLS_HINT = "check REDSHIFT_HOST and the certificate; REDSHIFT_SSLMODE is verify-full"
_SERVER_FAULT = 500
# The classes whose messages name tables, roles and settings, but never quote a value.
_SPEAKING = ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57")
# "Invalid digit, Value 'x', Pos 0, Type: Integer" has the state of an internal error too.
_VALUE = re.compile(r"'.*'", re.DOTALL)
_NAME = re.compile(r'"[^"]*"')
# Of the driver, about a timeout that is ours: to raise it mends no cut connection.
_ADVICE = ". We noticed a timeout is set"
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
    if isinstance(error, aws.BotoCoreError | aws.ClientError):
        return _of_aws(error)
    # A wait that the driver ends has no number; a connection that the kernel gives up has one.
    if isinstance(error, TimeoutError) and error.errno is None:
        return TimeLimitError("the source did not answer within the job's time limit")
    return _broken(error, server)


def _broken(error: BaseException, server: str) -> QuperSyncError:
    text = _inner(error)
    if _is_untrusted(error):
        return LoginRefusedError(f"TLS with {server} failed: {text}", hint=_TLS_HINT)
    is_of_query = isinstance(error, Error) and not isinstance(error, _OF_CONNECTION)
    usual = table.UNKNOWN if is_of_query else table.AWAY
    rule = first(table.SILENT_RULES, "", text, otherwise=usual)
    if "refuses SSL" in text:  # a server that hangs up looks the same: maybe it only restarts
        return AwayError(f"TLS with {server} failed: {text}", hint=_TLS_HINT)
    what = f"{server} is not reachable" if rule.error is AwayError else f"no work with {server}"
    return rule.error(f"{what}: {text}", hint=rule.hint)


def _is_untrusted(error: BaseException) -> bool:
    parts = (error, *error.args)
    return any(isinstance(it, ssl.SSLError) and not isinstance(it, _TLS_CUT) for it in parts)


def _of_aws(error: aws.BotoCoreError | aws.ClientError) -> QuperSyncError:
    # With IAM the driver asks AWS for the password. An answer is a refusal, silence is not.
    if isinstance(error, aws.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        usual = table.AWAY if status >= _SERVER_FAULT else table.REFUSED
        rule = first(table.AWS_RULES, code, "", otherwise=usual)
        text = f"AWS gave no credentials for Redshift: {code}"
        return rule.error(text, hint=table.AWS_HINT)
    name = type(error).__name__
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return AwayError(f"AWS is not reachable: {name}")
    return LoginRefusedError(f"no credentials for AWS: {name}", hint=table.AWS_HINT)


def _answered(answer: dict[str, str]) -> QuperSyncError:
    state, message = answer.get("C", ""), answer.get("M", "")
    if state[:2] in {"XX", ""}:
        message = _VALUE.sub("'...'", message)
    elif state[:2] not in _SPEAKING:
        message = _condition(state)  # the server's own text would quote the value
    # The message of error 1023 may be that number alone: then the details have the words. What
    # is quoted may look like anything.
    words = _NAME.sub("", _VALUE.sub("", f"{message}\n{answer.get('D', '')}"))
    rule = first(table.RULES, state, words, otherwise=table.UNKNOWN)
    text = f"Redshift answered: {message} (SQLSTATE {state})"
    return rule.error(text, hint=rule.hint, sqlstate=state)


def _condition(state: str) -> str:
    try:
        return _NEW_WORD.sub(" ", errors.lookup(state).__name__).lower()
    except KeyError:
        return "a value does not fit" if state.startswith("22") else "an unknown error"


def _answer(error: BaseException | None) -> dict[str, str]:
    first_part = error.args[0] if error is not None and error.args else None
    return first_part if isinstance(first_part, dict) else {}


def _inner(error: BaseException) -> str:
    # The builtins that the driver lets through may hold what it was reading.
    speaks = isinstance(error, OSError | Error) and error.args
    text = ": ".join(map(str, error.args)) if speaks else type(error).__name__
    return text.partition(_ADVICE)[0]


@contextmanager
def translated(
    refusal: Callable[[], BaseException | None] = lambda: None, *, server: str = "Redshift"
) -> Iterator[None]:
    """Turn the driver's errors inside the block into the domain's, the cause kept."""
    try:
        yield
    except (Error, aws.BotoCoreError, aws.ClientError, *_BROKEN) as error:
        raise classified(error, refusal(), server=server) from error
