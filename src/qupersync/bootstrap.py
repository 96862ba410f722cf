"""The composition root: the only place that reads the clock and the environment and makes ids."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO, TypedDict
from uuid import uuid4

from qupersync.application.order import Order
from qupersync.application.preflight import checked
from qupersync.application.run_job import RunJob
from qupersync.application.run_many import Pass, RunMany
from qupersync.application.selection import selected
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import ConfigError
from qupersync.domain.job import Flavor, Job
from qupersync.domain.query import bound
from qupersync.domain.run import Run, Trigger
from qupersync.domain.status import JobStatus
from qupersync.domain.watermark import Window
from qupersync.infrastructure import logs
from qupersync.infrastructure import shipped as files
from qupersync.infrastructure.connections import conninfo, driver_options
from qupersync.infrastructure.environment import find_env_file, find_jobs_file
from qupersync.infrastructure.jobs_file import JobsFile, load_jobs
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.heartbeat import Heartbeat
from qupersync.infrastructure.postgres.leases import Leases
from qupersync.infrastructure.postgres.new_table import new_table
from qupersync.infrastructure.postgres.reports import Reports
from qupersync.infrastructure.postgres.revision import NEEDED, Revision
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift import source as redshift
from qupersync.infrastructure.settings import Settings, load_settings
from qupersync.infrastructure.signals import Stop, stopping_on_signals

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says about one pass; None and empty leave the choice to the jobs."""

    names: Sequence[str] = ()
    tags: Sequence[str] = ()
    threads: int = 1
    fail_fast: bool = False
    batch_rows: int | None = None
    from_initial: bool = False
    allow_deletes: bool = False
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a pass; ``signal`` is the number that ended it, or 0."""

    runs: tuple[Run, ...]
    errors: tuple[BaseException, ...]
    refusal_code: str
    signal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Every command's way to the adapters."""

    settings: Settings
    jobs_file: JobsFile

    def run(self, options: RunOptions, on_end: Callable[[Run], None]) -> Outcome:
        """Run the selected jobs; ``on_end`` is called in this thread as each of them ends.

        Raises:
            QuperSyncError: nothing was tried: selection, configuration, target not ready.
        """
        jobs = selected(self.jobs_file.jobs, options.names, options.tags)
        self.settings.require(self.settings.redshift, self.settings.postgres)
        for warning in self.settings.tls_warnings():
            logger.warning("weak TLS", extra={"warning": warning})
        order = checked(self._order(options), jobs, self.target, self.source, self._flavor())
        stop = Stop()
        ttl_s = self.settings.sync.lease_ttl.total_seconds()
        with Heartbeat(self._conninfo(), ttl_s).running() as heartbeat, stopping_on_signals(stop):
            run_job = RunJob(
                open_source=self.source,
                open_target=self.target,
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
            done: Pass = run_many(jobs, order)
        return Outcome(
            runs=done.runs,
            errors=done.errors,
            refusal_code=order.refusal.code if order.refusal else "",
            signal=stop.signal,
        )

    def status(self, names: Sequence[str] = ()) -> list[JobStatus]:
        """Return how each job stands, in the file's order."""
        jobs = selected(self.jobs_file.jobs, names)
        usual = timedelta(seconds=self.settings.sync.interval_seconds)
        with self._reports() as reports:
            return reports.status(jobs, usual)

    def history(self, job: str | None, limit: int) -> list[dict[str, Any]]:
        """Return past runs, the newest first."""
        if job is not None:
            selected(self.jobs_file.jobs, [job])
        with self._reports() as reports:
            return reports.history(job, limit)

    def revision(self) -> Revision:
        """Return the revision of the target's schema."""
        with self.database() as session:
            return Revision.of(session)

    def upgrade(self) -> str:
        """Bring the target's schema to the revision that this version needs; return it."""
        from qupersync.infrastructure.postgres.migrations import upgrade  # noqa: PLC0415 - slow

        self.settings.require(self.settings.postgres)
        upgrade(self._conninfo())
        return NEEDED

    def create(self, name: str) -> str:
        """Create a job's missing target and return the statement."""
        (job,) = selected(self.jobs_file.jobs, [name])
        columns = {column: spec.type for column, spec in job.columns.items()}
        columns = columns or self._described(job)
        with self.database() as session:
            return new_table(session, job.target, columns, job.key)

    def _described(self, job: Job) -> dict[str, ColumnType]:
        self.settings.require(self.settings.redshift)
        with self.source(job.timeout.total_seconds()) as source:
            sql = job.sql_for(self._flavor() or source.flavor())
            if sql is None:
                raise ConfigError(f"job {job.name} has no SQL for this kind of Redshift")
            moment = now()
            window = Window(moment, moment) if job.watermark else None
            if job.watermark and isinstance(job.watermark.overlap, int):
                window = Window(0)
            return dict(source.describe(bound(sql, window)))

    @contextmanager
    def database(self) -> Iterator[postgres.Session]:
        """Open a connection to the target."""
        self.settings.require(self.settings.postgres)
        with postgres.connected(self._conninfo()) as session:
            yield session

    @contextmanager
    def target(self) -> Iterator[Target]:
        """Open what a job needs of the target."""
        sync = self.settings.sync
        me = process()
        owner = f"{me['host']} pid {me['pid']} qupersync {me['version']}"
        with self.database() as session:
            yield Target(
                session,
                Leases(session, sync.source, owner, sync.lease_ttl.total_seconds()),
                RunLog(session, **me),
            )

    def source(self, limit_s: float) -> AbstractContextManager[redshift.Source]:
        """Open a connection to Redshift for at most ``limit_s`` seconds."""
        fetch_rows = self.settings.redshift.fetch_size
        options = driver_options(self.settings.redshift, self.settings.aws)
        return redshift.connected(options, fetch_rows=fetch_rows, limit_s=limit_s)

    @contextmanager
    def _reports(self) -> Iterator[Reports]:
        with self.database() as session:
            Revision.of(session).require()
            yield Reports(session, self.settings.sync.source)

    def _conninfo(self) -> str:
        return conninfo(self.settings.postgres)

    def _flavor(self) -> Flavor | None:
        flavor = self.settings.redshift.flavor
        return None if flavor == "auto" else Flavor(flavor)

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


class Process(TypedDict):
    """What tells this process from others, as ``sync_logs`` keeps it."""

    host: str
    pid: int
    version: str


def process() -> Process:
    """Return who runs here."""
    return Process(host=socket.gethostname(), pid=os.getpid(), version=version("qupersync"))


def environment() -> dict[str, str]:
    """Return a copy of this process's environment, for a child of it."""
    return dict(os.environ)  # noqa: TID251 - the one place that may


def shipped(name: str) -> Path:
    """Return the path of a file that travels with the program."""
    return files.shipped(name)


def now() -> datetime:
    """Return this machine's time; only runs' own times come from it, never a window."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that may


def open_app(*, jobs: Path | None, env_file: Path | None) -> App:
    """Read the configuration and set up logging.

    Raises:
        ConfigError: every problem of the jobs file, or of the environment.
    """
    jobs_path = find_jobs_file(os.environ, jobs)  # noqa: TID251 - the one place that may
    settings = load_settings(os.environ, find_env_file(jobs_path, env_file))  # noqa: TID251
    configure_logs(settings, sys.stderr)
    return App(settings=settings, jobs_file=load_jobs(jobs_path))


def configure_logs(settings: Settings, stream: TextIO) -> None:
    """Log to ``stream`` as the settings say."""
    logs.configure(
        format=settings.sync.log_format,
        level=settings.sync.log_level,
        secrets=settings.secrets(),
        stream=stream,
        is_terminal=stream.isatty(),
    )
