"""A socket seen as protocol messages: read whole, written in bulk."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress

from qupersync.demo.frames import Frame, take_frame

# More than a TLS record (16 KiB): TLS then keeps nothing back that select() would not see.
_CHUNK = 1 << 16
_NO_LINGER = struct.pack("ii", 1, 0)


class Wire:
    """One end of a session; it owns its socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        if connection.family == socket.AF_INET:  # else small answers wait 40 ms for an ACK
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._unsent = bytearray()

    def frames(self) -> Iterator[Frame]:
        """Wait until something arrives, and yield the messages that are whole by then.

        Raises:
            ConnectionError: the other side has closed.
        """
        self._receive()
        while frame := take_frame(self._received):
            yield frame

    def frame(self, *, kind_bytes: int = 1) -> Frame:
        """Wait for one message.

        Raises:
            ConnectionError: the other side has closed.
        """
        while (frame := take_frame(self._received, kind_bytes=kind_bytes)) is None:
            self._receive()
        return frame

    def write(self, data: bytes) -> None:
        """Keep the bytes for the next ``flush``."""
        self._unsent += data

    def flush(self) -> None:
        """Send what was written."""
        unsent, self._unsent = self._unsent, bytearray()
        self.connection.sendall(unsent)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Go on under TLS, as its server."""
        # The handshake comes second, so that hang_up() finds the new socket and can end it.
        encrypted = context.wrap_socket(
            self.connection, server_side=True, do_handshake_on_connect=False
        )
        self.connection = encrypted
        encrypted.do_handshake()

    def hang_up(self) -> None:
        """End the connection in both directions, from any thread; a blocked reader wakes up."""
        self._shut_down(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Send the end of the stream; the other side can still send."""
        self._shut_down(socket.SHUT_WR)

    def reset_on_close(self) -> None:
        """Make ``close`` break the connection off (RST) instead of ending it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def close(self) -> None:
        """Close the socket."""
        self.connection.close()

    def drain(self) -> None:
        """Throw away what still arrives until the other side closes."""
        while self.connection.recv(_CHUNK):
            pass

    def _shut_down(self, how: int) -> None:
        with suppress(OSError):  # it is down already
            # Not SSLSocket.shutdown: it takes the cipher from under a reader in another thread.
            socket.socket.shutdown(self.connection, how)

    def _receive(self) -> None:
        data = self.connection.recv(_CHUNK)
        if not data:
            raise ConnectionError("closed by the other side")
        self._received += data
