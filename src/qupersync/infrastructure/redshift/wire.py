"""The inside of ``redshift_connector``; no other file may know it (versions: pyproject.toml).

The driver decodes each row as it arrives: it clamps infinity and years BC in silence, and one
byte that is no UTF-8 ends the whole read with the rest unread, after which the connection gives
empty results (all measured with 2.2.0). So rows are taken as they come off the wire, and decoded
by ``layout``.
"""

import socket
import struct
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from traceback import walk_tb
from typing import Any

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from qupersync.domain.errors import DriverUnknownError, QueryError
from qupersync.infrastructure.redshift.layout import DECODERS, Layout
from qupersync.infrastructure.redshift.probe import UNKNOWN

TEXT, BINARY = 0, 1
# A message: a byte that says what it is, and the length of all that follows, its own included.
_HEAD, _DATA_ROW = 5, b"D"
_ROW = _DATA_ROW[0]
_head = struct.Struct("!Bi").unpack_from
# Execute without a limit of rows, and Sync.
_EXECUTE, _SYNC = b"E\0\0\0\x09\0\0\0\0\0", b"S\0\0\0\4"
BUFFER_BYTES = 64 * 1024
# A row has at most 4 MB in Redshift, 16 MB with a SUPER; beyond this no memory is sure to do.
MOST_ROW_BYTES, MOST_ANSWER_BYTES = 64 * 1024 * 1024, 256 * 1024 * 1024

# What is used of the driver's objects.
_OF_CONNECTION = (
    "_flush", "_read", "_sock", "_usock", "_write", "error", "handle_messages",
    "merge_socket_read", "message_types", "redshift_types",
)  # fmt: skip
_OF_CURSOR = ("ps",)


class Wire:
    """A driver connection whose rows stay bytes; ``is_known`` once it gave those of ``PROBE``.

    Raises:
        DriverUnknownError: the driver has another inside.
    """

    def __init__(self, connection: Connection) -> None:
        # One for all statements: each is 26 kB in a cycle, which waits for the garbage collector.
        self._cursor = connection.cursor()
        _require_known(connection, self._cursor)
        self.connection = connection
        self.bodies: list[bytes] = []
        self.size = 0
        self._latest = ""
        self.is_known = False
        formats: defaultdict[int, tuple[int, Any]] = defaultdict(lambda: (TEXT, _not_here))
        formats.update(dict.fromkeys(DECODERS, (BINARY, _not_here)))
        connection.redshift_types = formats
        connection.message_types[_DATA_ROW] = self._keep
        # Else the driver has taken the head of the next message when it hands over a row.
        connection.merge_socket_read = False
        self._widen()

    def _widen(self) -> None:
        """Read through a larger buffer; the driver's holds 8 KiB, which is ten rows of 60 columns.

        Nothing is lost: the server has said that it is ready, and waits.
        """
        connection = self.connection
        stream: Any = connection._usock.makefile("rwb", BUFFER_BYTES)  # noqa: SLF001 - the driver has no other way
        connection._sock.close()  # noqa: SLF001
        connection._sock = stream  # noqa: SLF001
        connection._flush, connection._read, connection._write = (  # noqa: SLF001
            stream.flush, stream.read, stream.write
        )  # fmt: skip

    def execute(self, sql: str, times: int = 1) -> tuple[Layout, list[bytes]]:
        """Run one statement and return all rows of its result as bytes.

        More ``times`` than one are for the statement that ran last, once more: all in one flight.

        Raises:
            QueryError: there is more than memory is for; the connection is cut.
        """
        self.bodies, self.size = [], 0
        if times == 1:
            self._latest = sql
            self._cursor.execute(sql)
        elif sql == self._latest:
            self._repeat(times)
        else:
            raise AssertionError("only the statement that ran last can be repeated")
        described: Sequence[dict[str, Any]] = (self._cursor.ps or {}).get("row_desc", [])
        layout = Layout.of(
            [field["label"].decode() for field in described],
            [field["type_oid"] for field in described],
            [field["type_modifier"] for field in described],
        )
        return layout, self.bodies

    def _repeat(self, times: int) -> None:
        prepared, connection = self._cursor.ps or {}, self.connection
        bound = prepared["bind_1"] + prepared["bind_2"]
        bind = struct.pack("!ci", b"B", 4 + len(bound)) + bound
        connection._write((bind + _EXECUTE) * times + _SYNC)  # noqa: SLF001 - the driver has no other way
        connection._flush()  # noqa: SLF001
        connection.handle_messages(self._cursor)

    def _keep(self, body: bytes, _cursor: object) -> None:
        """Take a row, and those behind it that are here already: the driver's way is longer.

        1,000,000 rows of 8 columns: 0.4 s instead of 0.9 s of processor time.
        """
        self._require_room(body)
        keep = self.bodies.append
        keep(body)
        stream = self.connection._sock  # noqa: SLF001 - the driver has no other way
        here, at = stream.peek(), 0  # something always follows a row
        size = len(here)
        with suppress(struct.error):  # where not even the head of a message is left
            kind, length = _head(here, at)
            while kind == _ROW and (low := at + _HEAD) <= (end := at + 1 + length) <= size:
                keep(here[low:end])
                at = end
                kind, length = _head(here, at)
        stream.read(at)
        self.size += len(body) + at

    def _require_room(self, body: bytes) -> None:
        size = self.size + len(body)
        if size > MOST_ANSWER_BYTES or len(body) > MOST_ROW_BYTES:
            self.cut()
            text = f"too much for memory: a row of {len(body):,} bytes, {size:,} in one answer"
            raise QueryError(text, hint="leave the widest column out of the query, or shorten it")

    def limit(self, seconds: float) -> None:
        """Bound every later wait for the server."""
        self.connection._usock.settimeout(seconds)  # noqa: SLF001 - the driver has no other way

    def cut(self) -> None:
        """Make a read that blocks in another thread fail at once."""
        try:
            # Not that of ssl.SSLSocket: it first forgets its TLS, and whoever writes in between
            # would write in clear.
            socket.socket.shutdown(self.connection._usock, socket.SHUT_RDWR)  # noqa: SLF001
        except OSError:
            return  # it is cut already

    @property
    def refusal(self) -> BaseException | None:
        """Return the server's last error, which the driver hides when the socket closes."""
        error: BaseException | None = self.connection.error
        return error


def _require_known(connection: Connection, cursor: Cursor) -> None:
    uses = ((connection, _OF_CONNECTION), (cursor, _OF_CURSOR))
    missing = [name for part, names in uses for name in names if not hasattr(part, name)]
    if missing:
        raise DriverUnknownError(f"{UNKNOWN}without {', '.join(missing)}")


def _not_here(*_field: object) -> None:
    raise DriverUnknownError(f"{UNKNOWN}it decodes rows by itself")


def close_half_open(error: BaseException) -> None:
    """Close the socket behind a failed connect: the driver forgets it when the login is refused."""
    for frame, _ in walk_tb(error.__traceback__):
        half_open = frame.f_locals.get("self")
        if isinstance(half_open, Connection):
            for end in ("_sock", "_usock"):
                if (opened := getattr(half_open, end, None)) is not None:
                    opened.close()
