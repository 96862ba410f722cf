"""A stand-in Redshift that looks at nothing after the login, so that it costs nothing.

The stand-in of the demo reads each row in Python, which costs more than any of the programs
measured here. This one shares its login and then hands the bytes on as they are, and since a
PostgreSQL session is behind it, every program can use it: all read through the same door.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Event, Thread

from qupersync.demo.cluster import Cluster
from qupersync.demo.frames import StartUp
from qupersync.demo.login import first_packet, forward_cancel, refused_login, upstream_start
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.wire import Wire

_CHUNK = 1 << 20


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
    """Pass bytes on both ways inside the kernel, until one side ends.

    Python would take 0.1 to 0.2 s of a core for 1,000,000 rows, for which only those wait who keep
    both cores busy.
    """
    answers = Thread(target=_pass_on, args=(upstream, client), daemon=True)
    answers.start()
    _pass_on(client, upstream)
    answers.join()


def _pass_on(origin: socket.socket, destination: socket.socket) -> None:
    out, into = os.pipe()
    try:
        while moving := os.splice(origin.fileno(), into, _CHUNK):
            while moving:
                moving -= os.splice(out, destination.fileno(), moving)
    except OSError:
        return  # a client may leave at any point
    finally:
        os.close(out)
        os.close(into)
        with suppress(OSError):
            destination.shutdown(socket.SHUT_RDWR)
