"""What programs may read of runs and jobs: flat records with stable keys."""

from dataclasses import asdict
from typing import Any

from qupersync.domain.job import Job
from qupersync.domain.run import Run
from qupersync.domain.status import Health, JobStatus, LastRun
from qupersync.domain.watermark import Point, canonical
from qupersync.interface import advice

Record = dict[str, Any]
_NO_RUN = dict.fromkeys(LastRun.__dataclass_fields__)


def of_run(run: Run) -> Record:
    """Return one run under the names of the view ``sync_runs_v1``.

    ``window_low``, ``window_high``, ``watermark_before`` and ``watermark_after`` are canonical
    texts; what is not known is None; ``warnings`` is a list of texts. Two keys the view does not
    have: ``lateness`` counts the late rows by the upper bound of their age, and ``next`` is what
    to do about the error, or None.
    """
    tally = run.tally
    return {
        "run_id": run.run_id,
        "source": run.source,
        "job": run.job,
        "trigger": run.trigger.value,
        "status": run.status.value,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "duration_ms": run.duration_ms,
        "window_low": _text(run.window.low if run.window else None),
        "window_high": _text(run.window.high if run.window else None),
        "watermark_before": _text(run.watermark_before),
        "watermark_after": _text(run.watermark_after),
        "rows_extracted": tally.extracted,
        "rows_upserted": tally.upserted,
        "rows_inserted": tally.inserted,
        "rows_updated": tally.updated,
        "rows_unchanged": tally.unchanged,
        "rows_deduplicated": tally.deduplicated,
        "rows_skipped": tally.skipped,
        "rows_deleted": tally.deleted,
        "batches": run.batches,
        "attempts": run.attempts,
        "error": run.error or None,
        "error_code": run.error_code or None,
        "retryable": run.retryable if run.error else None,
        "replay_of": run.replay_of,
        "correlation_id": run.correlation_id,
        "warnings": list(run.warnings),
        "rows_late": run.lateness.rows,
        "late_max_ms": run.lateness.longest_ms,
        "lateness": run.lateness.histogram(),
        "next": advice.about(run.error_code, run.job, run.hint) if run.error else None,
    }


def of_attempt(run: Run) -> Record:
    """Return the attempt of a run that failed, and for how long the run waits for the next."""
    return {
        "job": run.job,
        "run_id": run.run_id,
        "attempt": run.attempts,
        "error_code": run.error_code,
        "error": run.error,
        "backoff_ms": run.backoff_ms,
        "correlation_id": run.correlation_id,
    }


def of_status(status: JobStatus) -> Record:
    """Return how one job stands.

    ``state`` is one of ok, running, failed, stale, never; ``run_id`` to ``warnings`` are those of
    the last run that was not skipped (``status`` as in ``sync_logs``), all None if there was none.
    ``last_success_age_s``, ``expect_every_s`` and ``loss_in_s`` are seconds, the last of them
    until the source may drop rows behind the watermark. ``gaps`` are the open ones, each with
    ``low``, ``high`` and ``run_id``. ``next`` is what to do about a problem, or None.
    """
    last = asdict(status.last_run) if status.last_run else _NO_RUN
    success_at, health = status.last_success_at, status.health
    age = status.now - success_at if success_at else None
    loss_in = status.loss_in
    return {
        "job": status.job,
        "state": health.value,
        "target": status.target_table,
        "watermark": status.watermark,
        "last_success_at": success_at,
        "last_success_age_s": None if age is None else int(age.total_seconds()),
        "open_rejects": status.open_rejects,
        "expect_every_s": int(status.expect_every.total_seconds()),
        "loss_in_s": None if loss_in is None else int(loss_in.total_seconds()),
        "gaps": list(status.gaps),
        **last,
        "next": _next(status) if health.is_problem else None,
    }


def _next(status: JobStatus) -> str:
    if status.is_orphaned:
        return f"qupersync run {status.job}"
    if status.health is Health.STALE:
        return f"look whether cron still starts it; by hand: qupersync run {status.job}"
    code = status.last_run.error_code if status.last_run else None
    return advice.about(code or "", status.job)


def of_job(job: Job) -> Record:
    """Return what ``jobs.yaml`` says of one job."""
    return {
        "job": job.name,
        "target": str(job.target),
        "mode": job.mode,
        "key": list(job.key),
        "tags": list(job.tags),
        "description": job.description,
    }


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
