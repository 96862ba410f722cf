from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from qupersync.domain import errors
from qupersync.domain.errors import QuperSyncError
from qupersync.domain.run import Run, Status, Trigger
from qupersync.interface.exit_codes import of_error, of_error_code, of_pass

AT = datetime(2026, 3, 1, tzinfo=UTC)
NO_ID = UUID(int=0)


def a_run(status: Status, code: str = "") -> Run:
    return Run(
        run_id=NO_ID,
        source="default",
        job="items",
        trigger=Trigger.CRON,
        correlation_id=NO_ID,
        started_at=AT,
        completed_at=AT,
        status=status,
        error_code=code,
    )


GOOD = a_run(Status.SUCCESS)
FAILED = a_run(Status.FAILED, "query-failed")
HELD = a_run(Status.SKIPPED, "lease-held")
ABSENT = a_run(Status.SKIPPED, "not-on-this-flavor")


def code_of(*runs: Run, **outcome: Any) -> int:
    usual: dict[str, Any] = {"refusal_code": "", "signal": 0, "held_is_failure": False}
    return of_pass(runs, outcome.pop("errors", ()), **usual | outcome)


@pytest.mark.parametrize(
    ("runs", "outcome", "code"),
    [
        ([], {}, 0),
        ([GOOD], {}, 0),
        ([GOOD, ABSENT], {"held_is_failure": True}, 0),
        ([GOOD, HELD], {}, 0),
        ([GOOD, HELD], {"held_is_failure": True}, 7),
        ([HELD, FAILED], {"held_is_failure": True}, 1),
        ([GOOD, FAILED], {}, 1),
        ([a_run(Status.DEAD, "source-unavailable")], {}, 1),
        ([a_run(Status.CANCELED, "stopped")], {}, 1),
        ([a_run(Status.DEAD)], {"refusal_code": "source-unavailable"}, 4),
        ([FAILED], {"refusal_code": "login-refused"}, 6),
        ([FAILED], {"refusal_code": "permission-denied"}, 6),
        ([FAILED], {"errors": [errors.RevisionError()], "refusal_code": "login-refused"}, 5),
        ([FAILED], {"errors": [errors.ConfigError("x"), errors.RevisionError()]}, 3),
        ([FAILED], {"errors": [errors.ConfigError("x"), ValueError()]}, 70),
        ([GOOD], {"errors": [ValueError()], "signal": 15}, 143),
        ([FAILED], {"signal": 2}, 130),
    ],
)
def test_a_pass_ends_with_the_first_that_applies(
    runs: list[Run], outcome: dict[str, Any], code: int
):
    assert code_of(*runs, **outcome) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SelectionError(), 2),
        (errors.ConfigError("x"), 3),
        (errors.SourceUnavailableError(), 4),
        (errors.TargetUnavailableError(), 4),
        (errors.RevisionError(), 5),
        (errors.LoginRefusedError(), 6),
        (errors.PermissionDeniedError(), 6),
        (errors.LeaseHeldError(), 7),
        (errors.BugError(), 70),
        (KeyError("x"), 70),
        (errors.StatementError(), 1),
    ],
)
def test_an_error_that_ends_a_command_has_its_code(error: BaseException, code: int):
    assert of_error(error) == code


@pytest.mark.parametrize("kind", [errors.TimeLimitError, errors.ResourceError])
def test_a_server_that_does_not_let_us_begin_is_unreachable(kind: type[QuperSyncError]):
    assert of_error_code(kind.code) == 4
