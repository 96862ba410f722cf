"""Every command's way to the adapters."""

import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from qupersync.application.order import Order
from qupersync.application.preflight import checked
from qupersync.application.run_many import RunMany
from qupersync.application.selection import named, selected
from qupersync.bootstrap.machine import environment, now
from qupersync.bootstrap.passes import Outcome, RunOptions
from qupersync.bootstrap.servers import Servers
from qupersync.bootstrap.working import Listener, working
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import ConfigError
from qupersync.domain.job import Job
from qupersync.domain.query import bound
from qupersync.domain.status import Health, JobStatus
from qupersync.domain.watermark import Window
from qupersync.infrastructure import logs
from qupersync.infrastructure.environment import find_env_file, find_jobs_file
from qupersync.infrastructure.jobs_file import JobsFile, load_jobs
from qupersync.infrastructure.postgres.new_table import new_table
from qupersync.infrastructure.postgres.revision import NEEDED, Revision
from qupersync.infrastructure.settings import Settings, load_settings

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

    def run(self, options: RunOptions, listener: Listener) -> Outcome:
        """Run the selected jobs.

        Raises:
            QuperSyncError: nothing was tried: selection, configuration, target not ready.
        """
        jobs = self.selected(options.names, options.tags, options.exclude)
        self.prepare()
        servers = self.servers
        # Until here nothing was claimed, so a signal may simply end the process.
        order = checked(self._order(options), jobs, servers.target, servers.source, servers.flavor)
        with working(servers, listener, options.pass_id) as (run_job, stop):
            run_many = RunMany(
                run_job=run_job,
                threads=options.threads,
                fail_fast=options.fail_fast,
                on_end=listener.on_end,
            )
            done = run_many(jobs, order)
        return Outcome(
            runs=done.runs,
            errors=done.errors,
            refusal_code=order.refusal.code if order.refusal else "",
            signal=stop.signal,
        )

    def selected(
        self, names: Sequence[str], tags: Sequence[str] = (), exclude: Sequence[str] = ()
    ) -> tuple[Job, ...]:
        """Return the jobs that a command means; the target is asked only for ``state:``.

        Raises:
            SelectionError: a name, a pattern, a state or a tag that no job has.
        """
        return selected(self.jobs_file.jobs, names, tags, exclude, self._states)

    def _states(self) -> dict[str, Health]:
        return {job.job: job.health for job in self.status()}

    def prepare(self) -> None:
        """Make sure that the settings say where both servers are; warn of weak TLS.

        Raises:
            ConfigError: they do not; names every variable that is missing.
        """
        self.settings.require(self.settings.redshift, self.settings.postgres)
        for warning in self.settings.tls_warnings():
            logger.warning("weak TLS", extra={"warning": warning})

    def _order(self, options: RunOptions) -> Order:
        return Order(
            source=self.settings.sync.source,
            trigger=options.asked_by,
            correlation_id=options.pass_id,
            batch_rows=options.batch_rows or self.settings.sync.batch_size,
            from_initial=options.from_initial,
            allow_deletes=options.allow_deletes,
            waits=options.waits,
        )

    def status(self, names: Sequence[str] = ()) -> list[JobStatus]:
        """Return how each job stands, in the file's order."""
        jobs = self.selected(names)
        usual = timedelta(seconds=self.settings.sync.interval_seconds)
        with self.servers.reports() as reports:
            return reports.status(jobs, usual)

    def history(
        self, job: str | None, limit: int, *, only_failed: bool = False
    ) -> list[dict[str, Any]]:
        """Return past runs, the newest first."""
        if job is not None:
            named(self.jobs_file.jobs, job)
        with self.servers.reports() as reports:
            return reports.history(job, limit, only_failed=only_failed)

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
        job = named(self.jobs_file.jobs, name)
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
