"""All that the target knows of the jobs, for the metrics and for the report."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qupersync.bootstrap.app import App
from qupersync.bootstrap.machine import now
from qupersync.domain.track_record import TrackRecord
from qupersync.infrastructure.postgres.track_records import TrackRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How all jobs of a source stand; runs are columns of ``sync_runs_v1``, the newest first.

    ``recent`` are each job's last runs that were tried and have ended, ``latest`` the last of all;
    ``rejects`` are the open ones by job, reason and column_name, with count and since.
    """

    at: datetime
    source: str
    records: list[TrackRecord]
    recent: list[dict[str, Any]]
    latest: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


def overview(app: App, *, recent: int, latest: int) -> Overview:
    """Return how all jobs stand, with so many recent runs of each job and latest runs of all."""
    statuses = app.status()
    with app.servers.reports() as reports:
        log = TrackRecords(reports.session, reports.source)
        return Overview(
            at=now(),
            source=reports.source,
            records=log.of(app.jobs_file.jobs, statuses),
            recent=log.recent([job.name for job in app.jobs_file.jobs], recent),
            latest=log.latest(latest),
            rejects=log.open_rejects(),
        )


def metrics(app: App) -> str:
    """Return the metrics of all jobs as the content of a textfile for Prometheus."""
    # Here, because no other command needs it.
    from qupersync.infrastructure.prometheus import exposition  # noqa: PLC0415

    statuses = app.status()
    with app.servers.reports() as reports:
        log = TrackRecords(reports.session, reports.source)
        records = log.of(app.jobs_file.jobs, statuses)
    return exposition(records, reports.source, now())
