"""A run as a record: what it keeps of an error."""

from datetime import UTC, datetime
from uuid import uuid4

from qupersync.domain.errors import StatementError
from qupersync.domain.run import MAX_CHARS, Run, Trigger

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def error_of(text: str) -> str:
    run = Run(
        run_id=uuid4(),
        source="default",
        job="orders",
        trigger=Trigger.MANUAL,
        correlation_id=uuid4(),
        started_at=NOW,
    )
    return run.ended_by(StatementError(text), NOW).error


def test_an_error_of_usual_length_is_kept_as_it_is():
    assert error_of("x" * MAX_CHARS) == "x" * MAX_CHARS


def test_an_endless_error_is_cut():
    kept = error_of("x" * 200_000)

    assert kept.endswith("x... (190050 characters more)")
    assert len(kept) <= MAX_CHARS
