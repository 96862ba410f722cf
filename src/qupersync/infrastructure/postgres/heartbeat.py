"""Renews the leases of this process over one connection of its own."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic

from qupersync.domain.errors import ConflictError, QuperSyncError, TimeLimitError
from qupersync.domain.ports import Lease
from qupersync.infrastructure.postgres.leases import renewed
from qupersync.infrastructure.postgres.session import Session, connected

logger = logging.getLogger(__name__)
BEATS_PER_TTL = 4
LAST_BEAT_S = 2.0
# Of the lease's time: an answer may be on its way for as long before nobody trusts it any more.
MARGIN = 1 / 6


@dataclass(slots=True)
class _Held:
    """A lease to renew until ``until``, and how long its last answer can be trusted."""

    lease: Lease
    until: float
    trusted_until: float
    is_at_work: Callable[[], bool]
    on_cancel: Callable[[], None]


@dataclass(slots=True)
class Heartbeat:
    """Keeps the promises of ``ports.Heartbeat``; ``run`` is its thread's body."""

    conninfo: str
    ttl_s: float
    name: str = "qupersync"
    _held: dict[int, _Held] = field(default_factory=dict)
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
            thread.join(LAST_BEAT_S)  # no longer: its server may be silent

    @contextmanager
    def beating(
        self,
        lease: Lease,
        limit_s: float,
        is_at_work: Callable[[], bool],
        on_cancel: Callable[[], None],
    ) -> Iterator[Callable[[], bool]]:
        """Keep the promise of ``ports.Heartbeat.beating``."""
        now = monotonic()
        held = _Held(lease, now + limit_s, self._trust(now), is_at_work, on_cancel)
        with self._lock:
            self._held[lease.fence] = held
        try:
            yield lambda: monotonic() < held.trusted_until
        finally:
            with self._lock:
                del self._held[lease.fence]

    def run(self) -> None:
        """Beat until the end; a lost connection is opened again at the next beat."""
        while not self._over.wait(self.ttl_s / BEATS_PER_TTL):
            try:
                with connected(self.conninfo, name=self.name) as session:
                    self._beat(session)
                    while not self._over.wait(self.ttl_s / BEATS_PER_TTL):
                        self._beat(session)
            except QuperSyncError as error:
                logger.warning("heartbeat missed", extra={"error_code": error.code})

    def _beat(self, session: Session) -> None:
        with self._lock:
            due = [held for held in self._held.values() if monotonic() < held.until]
        for held in due:
            if not held.is_at_work():
                logger.warning("no heartbeat: the run is stuck", extra={"job": held.lease.job})
                continue
            try:
                self._renew(session, held)
            # A row that somebody locks must not cost the other runs their leases.
            except (ConflictError, TimeLimitError) as error:
                logger.warning("heartbeat missed", extra={"error_code": error.code})

    def _renew(self, session: Session, held: _Held) -> None:
        asked_at = monotonic()
        is_canceled = renewed(session, held.lease, self.ttl_s)
        # A lost lease is not renewed: the fence of the next batch says so to the run itself.
        held.trusted_until = asked_at if is_canceled is None else self._trust(asked_at)
        if is_canceled:
            held.on_cancel()

    def _trust(self, asked_at: float) -> float:
        return asked_at + self.ttl_s * (1 - MARGIN)
