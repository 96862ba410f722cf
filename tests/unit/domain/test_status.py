"""How a job stands, in one word."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from qupersync.domain.status import Health, JobStatus, LastRun

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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
