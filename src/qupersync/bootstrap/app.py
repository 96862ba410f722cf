"""Every command's way to the adapters."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from qupersync.application.order import Order
from qupersync.application.preflight import checked
from qupersync.application.run_job import RunJob
from qupersync.application.run_many import RunMany
from qupersync.application.selection import selected
from qupersync.bootstrap.machine import environment, now
from qupersync.bootstrap.passes import Outcome, RunOptions
from qupersync.bootstrap.servers import Servers
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import ConfigError
from qupersync.domain.job import Job
from qupersync.domain.query import bound
from qupersync.domain.run import Run, Trigger
from qupersync.domain.status import JobStatus
from qupersync.domain.watermark import Window
from qupersync.infrastructure import logs
from qupersync.infrastructure.environment import find_env_file, find_jobs_file
from qupersync.infrastructure.jobs_file import JobsFile, load_jobs
from qupersync.infrastructure.postgres.new_table import new_table
from qupersync.infrastructure.postgres.revision import NEEDED, Revision
from qupersync.infrastructure.settings import Settings, load_settings
from qupersync.infrastructure.signals import Stop, stopping_on_signals

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class App:
    """What the commands do; those about the schema need no jobs file."""

    settings: Settings
    jobs_path: Path | None

    @cached_property
    def jobs_file(self) -> JobsFile:
        """Return the jobs.

        Raises:
            ConfigError: there is no jobs file, or it has problems: all of them.
        """
        return load_jobs(self.jobs_path or find_jobs_file(environment(), None))

    @property
    def servers(self) -> Servers:
        """Return the way to both servers."""
        return Servers(self.settings)

    def run(self, options: RunOptions, on_end: Callable[[Run], None]) -> Outcome:
        """Run the selected jobs; ``on_end`` is called in this thread as each of them ends.

        Raises:
            QuperSyncError: nothing was tried: selection, configuration, target not ready.
        """
        jobs = selected(self.jobs_file.jobs, options.names, options.tags)
        self.settings.require(self.settings.redshift, self.settings.postgres)
        for warning in self.settings.tls_warnings():
            logger.warning("weak TLS", extra={"warning": warning})
        stop, servers = Stop(), self.servers
        # Until here nothing was claimed, so a signal may simply end the process.
        order = checked(self._order(options), jobs, servers.target, servers.source, servers.flavor)
        with servers.heartbeat() as heartbeat, stopping_on_signals(stop):
            run_job = RunJob(
                open_source=servers.source,
                open_target=servers.target,
                heartbeat=heartbeat,
                clock=now,
                new_id=uuid4,
                stop=stop,
            )
            run_many = RunMany(
                run_job=run_job,
                threads=options.threads,
                fail_fast=options.fail_fast,
                on_end=on_end,
            )
            done = run_many(jobs, order)
        return Outcome(
            runs=done.runs,
            errors=done.errors,
            refusal_code=order.refusal.code if order.refusal else "",
            signal=stop.signal,
        )

    def _order(self, options: RunOptions) -> Order:
        asked_by = Trigger.MANUAL if sys.stderr.isatty() else Trigger.CRON
        return Order(
            source=self.settings.sync.source,
            trigger=options.trigger or asked_by,
            correlation_id=uuid4(),
            batch_rows=options.batch_rows or self.settings.sync.batch_size,
            from_initial=options.from_initial,
            allow_deletes=options.allow_deletes,
        )

    def status(self, names: Sequence[str] = ()) -> list[JobStatus]:
        """Return how each job stands, in the file's order."""
        jobs = selected(self.jobs_file.jobs, names)
        usual = timedelta(seconds=self.settings.sync.interval_seconds)
        with self.servers.reports() as reports:
            return reports.status(jobs, usual)

    def history(self, job: str | None, limit: int) -> list[dict[str, Any]]:
        """Return past runs, the newest first."""
        if job is not None:
            selected(self.jobs_file.jobs, [job])
        with self.servers.reports() as reports:
            return reports.history(job, limit)

    def revision(self) -> Revision:
        """Return the revision of the target's schema."""
        with self.servers.database() as session:
            return Revision.of(session)

    def upgrade(self) -> str:
        """Bring the target's schema to the revision that this version needs; return it."""
        # Here, because alembic takes longer to import than all else together.
        from qupersync.infrastructure.postgres.migrations import upgrade  # noqa: PLC0415

        upgrade(self.servers.conninfo)
        return NEEDED

    def create(self, name: str) -> str:
        """Create a job's missing target and return the statement."""
        (job,) = selected(self.jobs_file.jobs, [name])
        columns = {column: spec.type for column, spec in job.columns.items()}
        columns = columns or self._described(job)
        with self.servers.database() as session:
            return new_table(session, job, columns)

    def _described(self, job: Job) -> dict[str, ColumnType]:
        with self.servers.source(job.timeout.total_seconds()) as source:
            sql = job.sql_for(self.servers.flavor or source.flavor())
            if sql is None:
                raise ConfigError(f"job {job.name} has no SQL for this kind of Redshift")
            return dict(source.describe(bound(sql, _no_window(job))))


def _no_window(job: Job) -> Window | None:
    if job.watermark is None:
        return None
    return Window(0) if isinstance(job.watermark.overlap, int) else Window(now(), now())


def open_app(*, jobs: Path | None, env_file: Path | None) -> App:
    """Read the settings and set up logging; the jobs file is read when it is needed.

    Raises:
        ConfigError: every problem of the environment; a jobs file that was named is missing.
    """
    variables, jobs_path = environment(), None
    with nullcontext() if jobs else suppress(ConfigError):
        jobs_path = find_jobs_file(variables, jobs)
    settings = load_settings(variables, find_env_file(jobs_path, env_file))
    configure_logs(settings, sys.stderr)
    return App(settings=settings, jobs_path=jobs_path)


def configure_logs(settings: Settings, stream: TextIO) -> None:
    """Log to ``stream`` as the settings say."""
    logs.configure(
        format=settings.sync.log_format,
        level=settings.sync.log_level,
        secrets=settings.secrets(),
        stream=stream,
        is_terminal=stream.isatty(),
    )
