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
from decimal import Decimal
from traceback import walk_tb
from typing import Any

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from qupersync.domain.errors import DriverUnknownError, QueryError
from qupersync.infrastructure.redshift.layout import DECODERS, OID_NUMERIC, Layout

TEXT, BINARY = 0, 1
# A message: a byte that says what it is, and the length of all that follows, its own included.
_HEAD, _DATA_ROW = 5, b"D"
_ROW = _DATA_ROW[0]
_head = struct.Struct("!Bi").unpack_from
KNOWN_VERSION = "2.2."
BUFFER_BYTES = 64 * 1024
# A row has at most 4 MB in Redshift, 16 MB with a SUPER; beyond this no memory is sure to do.
MOST_ROW_BYTES, MOST_ANSWER_BYTES = 64 * 1024 * 1024, 256 * 1024 * 1024

# A value of every encoding, and of types that must come as text.
PROBE = """
SELECT CAST(1 AS boolean), CAST(-2 AS bigint), CAST(-2 AS smallint), CAST(-2 AS integer),
       CAST(26 AS oid), CAST(0.5 AS real), CAST(-0.5 AS double precision),
       CAST(-1.50 AS numeric(38,2)), CAST('\u00e4 ' AS varchar(8)), CAST(NULL AS integer),
       CAST('2026-01-02' AS date), CAST('2026-01-02 03:04:05' AS timestamp),
       CAST('2026-01-02 03:04:05+00' AS timestamptz), CAST(0 AS boolean)
"""
_PROBED = (
    b"\1", b"\xff" * 7 + b"\xfe", b"\xff\xfe", b"\xff" * 3 + b"\xfe", b"\0\0\0\x1a", b"\x3f\0\0\0",
    b"\xbf\xe0" + b"\0" * 6, b"-1.50", b"\xc3\xa4 ", None, b"2026-01-02",
    *2 * [struct.pack("!q", 820_638_245_000_000)], b"\0",
)  # fmt: skip
_PROBED_OIDS = (16, 20, 21, 23, 26, 700, 701, OID_NUMERIC, 1043, 23, 1082, 1114, 1184, 16)
_PROBED_VALUES = (
    True, -2, -2, -2, 26, 0.5, -0.5, Decimal("-1.5"), "\u00e4 ", None, "2026-01-02",
    "2026-01-02 03:04:05", "2026-01-02 03:04:05+00", False,
)  # fmt: skip
# What is used of the driver's objects.
_OF_CONNECTION = (
    "_flush", "_read", "_sock", "_usock", "_write", "error", "merge_socket_read", "message_types",
    "redshift_types",
)  # fmt: skip
_OF_CURSOR = ("ps",)
_UNKNOWN = "this redshift_connector is not one that is known: "


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

    def execute(self, sql: str) -> tuple[Layout, list[bytes]]:
        """Run one statement and return all rows of its result as bytes.

        Raises:
            QueryError: there is more than memory is for; the connection is cut.
        """
        self.bodies, self.size = [], 0
        self._cursor.execute(sql)
        described: Sequence[dict[str, Any]] = (self._cursor.ps or {}).get("row_desc", [])
        layout = Layout.of(
            [field["label"].decode() for field in described],
            [field["type_oid"] for field in described],
            [field["type_modifier"] for field in described],
        )
        return layout, self.bodies

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
            while True:
                kind, length = _head(here, at)
                end = at + 1 + length
                if kind != _ROW or not at + _HEAD <= end <= size:
                    break
                keep(here[at + _HEAD : end])
                at = end
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
        raise DriverUnknownError(f"{_UNKNOWN}without {', '.join(missing)}")


def _not_here(*_field: object) -> None:
    raise DriverUnknownError(f"{_UNKNOWN}it decodes rows by itself")


def require_right(layout: Layout, bodies: Sequence[bytes]) -> None:
    """Make sure that the answer to ``PROBE`` means what was asked for, in whatever bytes.

    Raises:
        DriverUnknownError: it does not, so no row can be trusted; or it never came here.
    """
    try:
        rows = [layout.decode(body) for body in bodies]
    except (ValueError, ArithmeticError, struct.error):
        rows = []
    if rows != [_PROBED_VALUES]:
        raise DriverUnknownError(f"{_UNKNOWN}values come as other bytes")


def is_as_known(layout: Layout, bodies: Sequence[bytes], version: str) -> bool:
    """Tell whether this file knows the driver's version, and it answered ``PROBE`` as expected."""
    body = struct.pack("!h", len(_PROBED)) + b"".join(
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        for value in _PROBED
    )
    is_expected = (layout.oids, list(bodies)) == (_PROBED_OIDS, [body])
    return is_expected and version.startswith(KNOWN_VERSION)


def close_half_open(error: BaseException) -> None:
    """Close the socket behind a failed connect: the driver forgets it when the login is refused."""
    for frame, _ in walk_tb(error.__traceback__):
        half_open = frame.f_locals.get("self")
        if isinstance(half_open, Connection):
            for end in ("_sock", "_usock"):
                if (opened := getattr(half_open, end, None)) is not None:
                    opened.close()
