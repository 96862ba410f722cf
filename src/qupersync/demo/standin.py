"""A stand-in Redshift: a server for the real driver, in front of a PostgreSQL."""

import socket
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Self

from qupersync.demo.cluster import Cluster
from qupersync.demo.frames import ServerError
from qupersync.demo.session import Session

_LOOPBACK = "127.0.0.1"


@dataclass(kw_only=True, eq=False)
class StandIn(Cluster):
    """Listens on a free port of the loopback inside its ``with`` block, and serves in threads.

    A session works in the upstream's database of the name that its client asks for. Leaving the
    block disarms the faults, ends the sessions and waits for their threads.
    """

    host: str = field(init=False, default=_LOOPBACK)
    port: int = field(init=False)
    _listener: socket.socket = field(init=False, repr=False)
    _acceptor: Thread = field(init=False, repr=False)
    _closing: Event = field(init=False, repr=False, default_factory=Event)
    _sessions: list[tuple[Session, Thread]] = field(init=False, repr=False, default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, name="stand-in")
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # Only a client wakes accept() on every system.
        socket.create_connection((self.host, self.port)).close()
        self._acceptor.join()
        self._listener.close()
        self.faults.disarm()
        for session, _thread in self._sessions:
            session.stop()
        for _session, thread in self._sessions:
            thread.join()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing.is_set():
                connection.close()
                return
            self._sessions = [pair for pair in self._sessions if pair[1].is_alive()]
            session = Session(connection, self, refused=self._crowded())
            thread = Thread(target=session.run, name="stand-in session")
            thread.start()
            self._sessions.append((session, thread))

    def _crowded(self) -> ServerError | None:
        if self.max_connections is None or len(self._sessions) < self.max_connections:
            return None
        return ServerError(
            severity="FATAL",
            sqlstate="53300",
            message=f'connection limit "{self.max_connections}" exceeded for non-bootstrap users',
        )
