"""A stand-in Redshift that looks at nothing after the login, so that it costs nothing.

The stand-in of the demo reads each row in Python, which costs more than any of the programs
measured here. This one shares its login and then hands the bytes on as they are, and since a
PostgreSQL session is behind it, every program can use it: all read through the same door.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Thread

from qupersync.demo.cluster import Cluster
from qupersync.demo.frames import StartUp
from qupersync.demo.login import first_packet, forward_cancel, refused_login, upstream_start
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.wire import Wire

_CHUNK = 1 << 18


@contextmanager
def gate(upstream: PostgresAddress) -> Iterator[PostgresAddress]:
    """Listen on a free port of the loopback until the block ends; yield where, and the login."""
    cluster = Cluster(upstream=upstream)
    closing_time = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        acceptor = Thread(target=_accept, args=(listener, cluster, closing_time), daemon=True)
        acceptor.start()
        try:
            yield PostgresAddress(
                host="127.0.0.1", port=port, user=cluster.user, password=cluster.password
            )
        finally:
            closing_time.set()
            socket.create_connection(("127.0.0.1", port)).close()  # wakes accept()
            acceptor.join()


def _accept(listener: socket.socket, cluster: Cluster, closing_time: Event) -> None:
    while True:
        connection, _ = listener.accept()
        if closing_time.is_set():
            connection.close()
            return
        Thread(target=_serve, args=(Wire(connection), cluster), daemon=True).start()


def _serve(client: Wire, cluster: Cluster) -> None:
    with ExitStack() as stack, suppress(OSError):  # a client may leave at any point
        stack.enter_context(closing(client))
        packet = first_packet(client, cluster)
        if forward_cancel(packet, cluster):
            return
        start = StartUp.from_frame(packet)
        if refused := refused_login(client, start, cluster):
            client.write(bytes(refused.frame()))
            client.flush()
            return
        upstream = stack.enter_context(closing(Wire(cluster.connect_upstream())))
        upstream.write(bytes(upstream_start(start, cluster)))
        upstream.flush()
        _hand_on(client.connection, upstream.connection)


def _hand_on(client: socket.socket, upstream: socket.socket) -> None:
    buffer = memoryview(bytearray(_CHUNK))
    with DefaultSelector() as readable:
        readable.register(client, EVENT_READ, upstream)
        readable.register(upstream, EVENT_READ, client)
        while True:
            for key, _ in readable.select():
                origin, destination = key.fileobj, key.data
                if not isinstance(origin, socket.socket) or not (got := origin.recv_into(buffer)):
                    return
                destination.sendall(buffer[:got])
