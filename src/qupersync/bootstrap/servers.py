"""From settings to open connections, for every command alike."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from qupersync.bootstrap.machine import process
from qupersync.domain.job import Flavor
from qupersync.infrastructure.connections import conninfo, driver_options
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.ahead import Spare
from qupersync.infrastructure.postgres.heartbeat import Heartbeat
from qupersync.infrastructure.postgres.leases import Leases
from qupersync.infrastructure.postgres.reports import Reports
from qupersync.infrastructure.postgres.revision import Revision
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift import source as redshift
from qupersync.infrastructure.settings import Settings
from qupersync.infrastructure.signals import Stop, entered


@dataclass(frozen=True, slots=True)
class Servers:
    """Opens connections to both servers; those of a pass bear its id in their name.

    Nobody waits for a server that is silent as they are opened once ``stop`` is asked for.
    """

    settings: Settings
    pass_id: UUID | None = None
    stop: Stop | None = None

    @property
    def name(self) -> str:
        """Return what the connections are called in ``pg_stat_activity`` and ``stv_sessions``."""
        return f"qupersync {self.pass_id}" if self.pass_id else "qupersync"

    @property
    def conninfo(self) -> str:
        """Return libpq's connection string of the target.

        Raises:
            ConfigError: a variable that says where it is, is missing.
        """
        self.settings.require(self.settings.postgres)
        return conninfo(self.settings.postgres)

    @property
    def flavor(self) -> Flavor | None:
        """Return the kind of Redshift that the settings name; None if it is to be found out."""
        named = self.settings.redshift.flavor
        return None if named == "auto" else Flavor(named)

    def database(self, *, read_only: bool = False) -> AbstractContextManager[postgres.Session]:
        """Open a connection to the target."""
        opening = postgres.connected(self.conninfo, read_only=read_only, name=self.name)
        if self.stop is None or self.stop.is_requested():  # then the run's end is to be recorded
            return opening
        return entered(opening, self.stop)

    @contextmanager
    def target(self, *, read_only: bool = False) -> Iterator[Target]:
        """Open what a job needs of the target."""
        me = process()
        owner = f"{me['host']} pid {me['pid']} qupersync {me['version']}"
        with self.database(read_only=read_only) as session, Spare(self.database) as spare:
            leases = Leases(session, self.settings.sync.source, owner, self._ttl_s)
            yield Target(session, leases, RunLog(session, **me), spare)

    def source(self, limit_s: float) -> AbstractContextManager[redshift.Source]:
        """Open a connection to Redshift for at most ``limit_s`` seconds."""
        self.settings.require(self.settings.redshift)
        options = driver_options(self.settings.redshift, self.settings.aws)
        fetch_rows = self.settings.redshift.fetch_size
        options |= {"application_name": self.name}
        opening = redshift.connected(options, fetch_rows=fetch_rows, limit_s=limit_s)
        return entered(opening, self.stop) if self.stop else opening

    @contextmanager
    def reports(self) -> Iterator[Reports]:
        """Open what the target remembers."""
        with self.database() as session:
            Revision.of(session).require()
            yield Reports(session, self.settings.sync.source)

    def heartbeat(self) -> AbstractContextManager[Heartbeat]:
        """Keep the leases of this process alive inside the block."""
        return Heartbeat(self.conninfo, self._ttl_s, self.name).running()

    @property
    def _ttl_s(self) -> float:
        return self.settings.sync.lease_ttl.total_seconds()
