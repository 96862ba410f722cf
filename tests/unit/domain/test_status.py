"""How a job stands, in one word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from qupersync.domain.status import Health, JobStatus, LastRun

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_status(status: str | None, age: timedelta | None, *, is_running: bool = False) -> JobStatus:
    last_run = status and LastRun(
        run_id=UUID(int=1),
        status=status,
        started_at=NOW,
        completed_at=NOW,
        duration_ms=1,
        rows_extracted=0,
        rows_inserted=0,
        rows_updated=0,
        rows_unchanged=0,
        rows_skipped=0,
        rows_deleted=0,
        error_code=None,
        error=None,
        warnings=(),
    )
    return JobStatus(
        job="items",
        target_table="quper.items",
        expect_every=timedelta(minutes=5),
        now=NOW,
        last_success_at=None if age is None else NOW - age,
        is_running=is_running,
        last_run=last_run or None,
    )


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (a_status(None, None), Health.NEVER),
        (a_status("success", timedelta(minutes=10)), Health.OK),
        (a_status("success", timedelta(minutes=10, seconds=1)), Health.STALE),
        (a_status("failed", timedelta(0)), Health.FAILED),
        (a_status("dead", timedelta(0)), Health.FAILED),
        (a_status("canceled", timedelta(0)), Health.FAILED),
        (a_status("failed", timedelta(0), is_running=True), Health.RUNNING),
    ],
)
def test_a_jobs_health_is_the_worst_that_is_true_now(status: JobStatus, health: Health):
    assert status.health is health


def test_only_a_fresh_or_a_running_job_needs_nobody():
    assert {health for health in Health if not health.is_problem} == {Health.OK, Health.RUNNING}


def a_holder(
    watermark: timedelta | str, kept: timedelta | None, kind: str = "timestamp"
) -> JobStatus:
    """A healthy job with a watermark, by its age or as text; its source keeps rows for ``kept``."""
    return replace(
        a_status("success", timedelta()),
        watermark=watermark if isinstance(watermark, str) else (NOW - watermark).isoformat(),
        watermark_type=kind,
        kept_at_least=kept,
    )


@pytest.mark.parametrize(
    ("status", "loss_in"),
    [
        (a_holder(2 * HOUR, 7 * DAY), 7 * DAY - 2 * HOUR),
        (a_holder(8 * DAY, 7 * DAY), -DAY),
        (a_holder("2026-02-28", 7 * DAY, "date"), 5.5 * DAY),
        (a_holder(2 * HOUR, None), None),
        (a_holder("42", DAY, "bigint"), None),
        (a_holder("odd", DAY), None),
        (a_status(None, None), None),
    ],
)
def test_rows_are_lost_once_they_are_older_than_the_source_keeps_them(
    status: JobStatus, loss_in: timedelta | None
):
    assert status.loss_in == loss_in


@pytest.mark.parametrize(
    ("watermark", "kept", "is_near"),
    [
        (6 * DAY + HOUR, 7 * DAY, True),
        (8 * DAY, 7 * DAY, True),
        (6 * DAY - HOUR, 7 * DAY, False),
        (HOUR, 4 * HOUR, False),
        (3 * HOUR, 4 * HOUR, True),
        (HOUR, None, False),
    ],
)
def test_a_loss_is_near_before_tomorrow_unless_the_source_is_only_young(
    watermark: timedelta,
    kept: timedelta | None,
    is_near: bool,  # noqa: FBT001
):
    assert a_holder(watermark, kept).loss_is_near is is_near


def test_an_open_gap_is_a_problem_of_a_healthy_job():
    well = a_status("success", timedelta())

    lost = replace(well, gaps=({"low": "a", "high": "b", "run_id": "c"},))

    assert (well.is_problem, lost.is_problem, lost.health) == (False, True, Health.OK)


@pytest.mark.parametrize(
    ("status", "is_problem"),
    [
        (a_status("failed", timedelta(0), is_running=True), True),
        (a_status("success", HOUR, is_running=True), True),
        (a_status("success", timedelta(0), is_running=True), False),
        (a_status(None, None, is_running=True), False),
        (a_status(None, None), True),
    ],
)
def test_a_job_that_failed_or_is_late_is_a_problem_while_it_runs_again(
    status: JobStatus, *, is_problem: bool
):
    assert status.is_problem is is_problem
