"""The check-up: which questions are asked in which order, and what hangs on what."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.config import ChosenFile, chosen_files
from qupersync.bootstrap.machine import now
from qupersync.domain.errors import ConfigError, QuperSyncError, TimeLimitError
from qupersync.domain.finding import Finding, State
from qupersync.domain.job import Flavor, Job
from qupersync.infrastructure.postgres import checkup as postgres
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.redshift import checkup as redshift
from qupersync.infrastructure.redshift.reach import reach
from qupersync.infrastructure.redshift.source import Source
from qupersync.infrastructure.sql_tables import SourceTable, tables_of

# For all questions to Redshift together: a paused workgroup takes its time to wake up.
SOURCE_LIMIT_S = 90.0
# Leases and windows go by one server's clock each; more than this confuses people who compare.
CLOCKS_MAY_DIFFER = timedelta(seconds=5)


def examined(*, jobs: Path | None, env_file: Path | None) -> Iterator[Finding]:
    """Check all that a run needs and yield what was found; nothing is changed anywhere."""
    try:
        app = open_app(jobs=jobs, env_file=env_file)
    except ConfigError as error:
        yield from _problems("configuration", error)
        yield Finding.unchecked("servers", "the configuration has problems")
        return
    yield from Doctor(app, chosen_files(jobs=jobs, env_file=env_file)).findings()


def _problems(subject: str, error: ConfigError) -> Iterator[Finding]:
    for line in str(error).split("\n"):
        text, _, command = line.partition("; run: ")
        yield Finding.fail(subject, text, command or error.hint)


@dataclass(slots=True)
class Doctor:
    """Remembers what a later question needs of an earlier answer."""

    app: App
    chosen: tuple[ChosenFile, ChosenFile]
    jobs: tuple[Job, ...] = ()
    flavor: Flavor | None = None
    ahead: dict[str, timedelta] = field(default_factory=dict)

    def findings(self) -> Iterator[Finding]:
        """Yield the findings about the files, the servers and their clocks."""
        yield from self._files()
        yield from self._tls_modes()
        yield from self._source()
        yield from self._target()
        yield from self._clocks()

    def _files(self) -> Iterator[Finding]:
        of_jobs, of_variables = self.chosen
        found = f"{of_variables.path}, " if of_variables.path else ""
        yield Finding.ok(".env", f"{found}{of_variables.why}")
        try:
            file = self.app.jobs_file
        except ConfigError as error:
            yield from _problems("jobs file", error)
            yield Finding.unchecked("views and targets", "the jobs file has problems")
            return
        self.jobs = file.jobs
        yield Finding.ok("jobs file", f"{file.path}, {of_jobs.why}")

    def _tls_modes(self) -> Iterator[Finding]:
        for weak in self.app.settings.tls_warnings():
            variable = weak.partition("=")[0]
            yield Finding.warn(variable, weak, f"set {variable}=verify-full")

    def _source(self) -> Iterator[Finding]:
        settings = self.app.settings.redshift
        step = "Redshift login"
        try:
            self.app.settings.require(settings)
            if settings.host:
                for finding in reach(settings.host, settings.port, settings.sslmode):
                    yield finding
                    if finding.state is State.FAIL:
                        yield Finding.unchecked(f"{step}, views", f"{finding.subject} fails")
                        return
            with self.app.servers.source(SOURCE_LIMIT_S) as source:
                yield Finding.ok(step, f"{settings.user or settings.db_user} at {settings.db}")
                step = "Redshift"
                yield from self._asked(source)
        except QuperSyncError as error:
            yield _failed(step, error)
            yield Finding.unchecked("views", f"{step} fails")

    def _asked(self, source: Source) -> Iterator[Finding]:
        self._compare("Redshift", source.clock)
        yield redshift.version(source)
        found, named = source.flavor(), self.app.servers.flavor
        self.flavor = named or found
        if found is self.flavor:
            yield Finding.ok("Redshift flavor", found)
        else:
            text = f"REDSHIFT_FLAVOR is {named}, but the server looks {found}"
            yield Finding.warn("Redshift flavor", text, "set REDSHIFT_FLAVOR=auto")
        used: dict[SourceTable, list[str]] = {}
        for job in self.jobs:
            try:
                for table in sorted(tables_of(job.sql_for(self.flavor) or "SELECT 1")):
                    used.setdefault(table, []).append(job.name)
            except ValueError as error:
                yield Finding.unchecked(f"views of {job.name}", str(error))
        yield from redshift.views(source, used)

    def _target(self) -> Iterator[Finding]:
        step = "PostgreSQL login"
        try:
            with self.app.servers.database() as session:
                yield postgres.login(session)
                step = "PostgreSQL"
                self._compare("PostgreSQL", lambda: postgres.clock(session))
                for finding in (postgres.revision, postgres.own_tables):
                    yield (found := finding(session))
                    if found.state is State.FAIL:
                        yield Finding.unchecked(
                            "targets, leases, overlaps", f"{found.subject} fails"
                        )
                        return
                yield from self._tables(session)
        except QuperSyncError as error:
            yield _failed(step, error)
            yield Finding.unchecked("revision, targets, leases, overlaps", f"{step} fails")

    def _tables(self, session: Session) -> Iterator[Finding]:
        source = self.app.settings.sync.source
        for job in self.jobs:
            if self.flavor and job.sql_for(self.flavor) is None:
                yield Finding.ok(f"target of {job.name}", f"not needed: no SQL for {self.flavor}")
            else:
                yield postgres.target(session, source, job)
        yield from postgres.stale_leases(session, source)
        yield from postgres.overlaps(session, source, self.jobs)

    def _compare(self, server: str, clock: Callable[[], datetime]) -> None:
        before = now()
        told = clock()
        self.ahead[server] = told - (before + (now() - before) / 2)

    def _clocks(self) -> Iterator[Finding]:
        if not self.ahead:
            yield Finding.unchecked("clocks", "no server answers")
            return
        told = ", ".join(
            f"{name} {ahead.total_seconds():+.1f} s" for name, ahead in self.ahead.items()
        )
        values = (timedelta(), *self.ahead.values())
        if max(values) - min(values) <= CLOCKS_MAY_DIFFER:
            yield Finding.ok("clocks", f"{told} against this machine")
        else:
            remedy = "set the clock that is wrong; on this machine: timedatectl"
            yield Finding.warn("clocks", f"{told} against this machine", remedy)


def _failed(subject: str, error: QuperSyncError) -> Finding:
    if isinstance(error, TimeLimitError):  # its own words are about a job
        return Finding.fail(subject, "did not answer in time", "qupersync doctor, once it is quiet")
    return Finding.of_error(subject, error)
