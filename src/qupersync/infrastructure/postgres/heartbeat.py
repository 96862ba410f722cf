"""Renews the leases of this process over one connection of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.ports import Lease
from qupersync.infrastructure.postgres.leases import RENEW, identity
from qupersync.infrastructure.postgres.session import Session, connected

logger = logging.getLogger(__name__)
BEATS_PER_TTL = 4


@dataclass(slots=True)
class Heartbeat:
    """Keeps the promises of ``ports.Heartbeat``; ``run`` is its thread's body."""

    conninfo: str
    ttl_s: float
    _leases: dict[int, tuple[Lease, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _over: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator["Heartbeat"]:
        """Beat inside the block."""
        thread = Thread(target=self.run, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    @contextmanager
    def beating(self, lease: Lease, limit_s: float) -> Iterator[None]:
        """Keep the promise of ``ports.Heartbeat.beating``."""
        with self._lock:
            self._leases[lease.fence] = (lease, monotonic() + limit_s)
        try:
            yield
        finally:
            with self._lock:
                del self._leases[lease.fence]

    def run(self) -> None:
        """Beat until the end; a lost connection is opened again at the next beat."""
        while not self._over.wait(self.ttl_s / BEATS_PER_TTL):
            try:
                with connected(self.conninfo) as session:
                    self._beat(session)
                    while not self._over.wait(self.ttl_s / BEATS_PER_TTL):
                        self._beat(session)
            except QuperSyncError as error:
                logger.warning("heartbeat missed", extra={"error_code": error.code})

    def _beat(self, session: Session) -> None:
        with self._lock:
            now = monotonic()
            leases = [lease for lease, until in self._leases.values() if now < until]
        for lease in leases:
            # No row: the lease is lost. The fence of the next batch says so to the run itself.
            session.execute(RENEW, identity(lease) | {"ttl_s": self.ttl_s})
