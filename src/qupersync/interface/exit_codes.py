"""What each exit code means, and which one is given when several apply."""

from collections.abc import Sequence
from enum import IntEnum

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.run import Run, Status


class ExitCode(IntEnum):
    """What a command tells its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    UNREACHABLE = 4
    SCHEMA = 5
    REFUSED = 6
    HELD = 7
    BUG = 70


SIGNAL_BASE = 128
# A signal goes before them all.
PRECEDENCE = (
    ExitCode.BUG,
    ExitCode.INVALID,
    ExitCode.SCHEMA,
    ExitCode.REFUSED,
    ExitCode.UNREACHABLE,
    ExitCode.FAILED,
    ExitCode.HELD,
    ExitCode.OK,
)
_BY_ERROR_CODE = {
    "selection-empty": ExitCode.USAGE,
    "span-invalid": ExitCode.USAGE,
    "config-invalid": ExitCode.INVALID,
    "driver-unknown": ExitCode.INVALID,
    "unavailable": ExitCode.UNREACHABLE,
    "source-unavailable": ExitCode.UNREACHABLE,
    "target-unavailable": ExitCode.UNREACHABLE,
    "timeout": ExitCode.UNREACHABLE,
    "resource-exhausted": ExitCode.UNREACHABLE,
    "schema-revision": ExitCode.SCHEMA,
    "login-refused": ExitCode.REFUSED,
    "permission-denied": ExitCode.REFUSED,
    "lease-held": ExitCode.HELD,
    "bug": ExitCode.BUG,
}
_BAD_ENDINGS = frozenset({Status.FAILED, Status.DEAD, Status.CANCELED})


def of_error(error: BaseException) -> ExitCode:
    """Return the code of an error that ended a command; an unknown class of error is a bug."""
    return of_error_code(error.code) if isinstance(error, QuperSyncError) else ExitCode.BUG


def of_error_code(code: str) -> ExitCode:
    """Return the code of an error that kept a command from its work."""
    return _BY_ERROR_CODE.get(code, ExitCode.FAILED)


def of_pass(
    runs: Sequence[Run],
    errors: Sequence[BaseException],
    *,
    refusal_code: str,
    signal: int,
    held_is_failure: bool,
) -> int:
    """Return the code of one pass over some jobs.

    ``refusal_code`` is the error code with which the source refused everybody, or empty;
    ``signal`` the number that ended the pass, or 0.
    """
    if signal:
        return SIGNAL_BASE + signal
    found = {ExitCode.OK, *map(of_error, errors)}
    if ExitCode.USAGE in found:  # of one job, while others worked
        found.add(ExitCode.FAILED)
    if refusal_code:
        found.add(of_error_code(refusal_code))
    if any(run.status in _BAD_ENDINGS for run in runs):
        found.add(ExitCode.FAILED)
    if held_is_failure and any(is_held(run) for run in runs):
        found.add(ExitCode.HELD)
    return next(code for code in PRECEDENCE if code in found)


def is_held(run: Run) -> bool:
    """Tell whether the run did not begin because another one holds the job."""
    return of_error_code(run.error_code) is ExitCode.HELD
