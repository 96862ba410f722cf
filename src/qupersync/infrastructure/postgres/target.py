"""The target behind ``ports.Target``: one job, one connection and one to spare."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from qupersync.domain.job import Job
from qupersync.domain.ports import Doubt, Lease
from qupersync.infrastructure.postgres import doubts
from qupersync.infrastructure.postgres.ahead import Spare
from qupersync.infrastructure.postgres.catalog import TargetTable
from qupersync.infrastructure.postgres.leases import Leases, require_own_targets
from qupersync.infrastructure.postgres.past_runs import PastRuns
from qupersync.infrastructure.postgres.raw_load import RawLoad
from qupersync.infrastructure.postgres.revision import Revision
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.table import Table
from qupersync.infrastructure.postgres.unit import Standing

# Owns no lease: the fence lets it write nothing.
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Target:
    """Keeps the promises of ``ports.Target``."""

    session: Session
    leases: Leases
    runs: RunLog
    spare: Spare | None = None

    @property
    def past(self) -> PastRuns:
        """Keep the promise of ``ports.Target.past``."""
        return PastRuns(self.session, self.leases.source)

    def abort(self) -> None:
        """Keep the promise of ``ports.Target.abort``."""
        for session in self._sessions:
            session.cancel()

    def is_at_work(self) -> bool:
        """Keep the promise of ``ports.Target.is_at_work``."""
        return any(session.connection.pulse.is_felt() for session in self._sessions)

    def leave(self) -> None:
        """Cut the connections that are not closed soon; from any thread, at once."""
        for session in self._sessions:
            session.leave()

    @property
    def _sessions(self) -> Sequence[Session]:
        return (self.session, *(self.spare.sessions if self.spare else ()))

    def require_ready(self, jobs: Sequence[Job]) -> None:
        """Keep the promise of ``ports.Target.require_ready``."""
        Revision.of(self.session).require()
        require_own_targets(self.session, self.leases.source, jobs)

    def outcome(self, doubt: Doubt, wait: Callable[[float], bool]) -> bool | None:
        """Keep the promise of ``ports.Target.outcome``."""
        return doubts.outcome(self.session, doubt, wait)

    def look(self, job: Job) -> Table:
        """Keep the promise of ``ports.Target.look``."""
        nobodys = Lease(source=self.leases.source, job=job.name, fence=0, owner=NOBODY)
        return self.table(job, nobodys)

    def table(self, job: Job, lease: Lease) -> Table:
        """Keep the promise of ``ports.Target.table``."""
        target = TargetTable.of(job, self.session)
        standing = Standing(lease, target.watermark_type)
        table = Table(self.session, target, standing, RawLoad(job), self.spare)
        table.state()
        return table
