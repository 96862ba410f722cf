"""One client of the stand-in, from its first byte to its last."""

import socket
from contextlib import closing, suppress

from qupersync.demo.cluster import Cluster
from qupersync.demo.faults import BlackHole, Cut, Passing, Sender
from qupersync.demo.frames import ServerError, StartUp
from qupersync.demo.login import first_packet, forward_cancel, refused_login, upstream_start
from qupersync.demo.relay import Relay, SessionEndError, suffer
from qupersync.demo.wire import Wire


class Session:
    """Serves one connection in the thread that calls ``run``."""

    def __init__(
        self, connection: socket.socket, cluster: Cluster, *, refused: ServerError | None
    ) -> None:
        self._client = Wire(connection)
        self._cluster = cluster
        self._refused = refused
        self._watch = cluster.faults.watch()

    def run(self) -> None:
        """Serve the client until it leaves, PostgreSQL leaves, a fault ends it or ``stop``."""
        with closing(self._client), suppress(OSError):
            try:
                self._serve()
            except SessionEndError as end:
                self._end(end.how)
            except ConnectionError:
                self._end(Cut())

    def stop(self) -> None:
        """End the session, from any thread."""
        self._client.hang_up()

    def _serve(self) -> None:
        packet = first_packet(self._client, self._cluster)
        if forward_cancel(packet, self._cluster):
            return
        start = StartUp.from_frame(packet)
        strike = self._watch.strike(Passing(sender=Sender.CLIENT, frame=packet))
        refused = (strike and suffer(strike.what)) or self._refused
        if refused := refused or refused_login(self._client, start, self._cluster):
            raise SessionEndError(refused)
        with closing(Wire(self._cluster.connect_upstream())) as upstream:
            upstream.write(bytes(upstream_start(start, self._cluster)))
            upstream.flush()
            Relay(self._client, upstream, self._cluster, self._watch).run()

    def _end(self, how: Cut | BlackHole | ServerError) -> None:
        if how == Cut(reset=True):
            self._client.reset_on_close()
            return
        if isinstance(how, ServerError):
            self._client.write(bytes(how.frame()))
            self._client.flush()
        if not isinstance(how, BlackHole):
            self._client.finish()
        # To close with unread bytes would be a reset, and could cost the client our last words.
        self._client.drain()
