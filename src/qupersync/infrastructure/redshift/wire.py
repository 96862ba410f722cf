"""The inside of ``redshift_connector``; no other file may know it (versions: pyproject.toml).

The driver decodes each row as it arrives: it clamps infinity and years BC in silence, and one
byte that is no UTF-8 ends the whole read with the rest unread, after which the connection gives
empty results (all measured with 2.2.0). So rows are taken as they come off the wire, and decoded
by ``decode``. A ``DataRow`` body is an int16 count, then per value an int32 length and bytes.
"""

import json
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from traceback import walk_tb
from typing import Any

from redshift_connector.core import DATA_ROW, Connection

from qupersync.domain.batch import Row, Single
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import QueryError

TEXT, BINARY = 0, 1
KNOWN_VERSION = "2.2."
PAYLOAD_FORMAT = "datarow-v1"
# A pattern of those that tell the columns; older ones do not, and cannot be read again.
KEPT_FORMATS = f"{PAYLOAD_FORMAT} %"
Decoder = Callable[[bytes], object]
# A row has at most 4 MB in Redshift, 16 MB with a SUPER; beyond this no memory is sure to do.
MOST_ROW_BYTES, MOST_ANSWER_BYTES = 64 * 1024 * 1024, 256 * 1024 * 1024

_OID_NUMERIC = 1700
# A numeric's modifier is precision << 16 | scale, plus the length of a varlena header.
_HEADER = 4
_NO_MODIFIER = -1
# Redshift's system times are naive UTC, so the copy says so.
_TYPES = {
    16: "boolean", 20: "bigint", 21: "smallint", 23: "integer", 26: "bigint", 700: "real",
    701: "double precision", 1082: "date", 1083: "time", 1114: "timestamptz", 1184: "timestamptz",
    _OID_NUMERIC: "numeric",
}  # fmt: skip
_length = struct.Struct("!i").unpack_from


def _one(form: str, kind: Callable[[Any], object] = lambda value: value) -> Decoder:
    unpack = struct.Struct(form).unpack
    return lambda raw: kind(unpack(raw)[0])


# Everything else is asked for as text: exact, and the same on every protocol version.
_BINARY: dict[int, Decoder] = {
    16: _one("!?"), 20: _one("!q"), 21: _one("!h"), 23: _one("!i"), 26: _one("!I"),
    700: _one("!f", Single), 701: _one("!d"),
}  # fmt: skip

_ENCODINGS = {
    16: "boolean", 20: "bigint", 21: "smallint", 23: "integer", 26: "oid", 700: "real",
    701: "double precision", _OID_NUMERIC: "numeric",
}  # fmt: skip
# A value of every encoding, and of types that must come as text.
PROBE = """
SELECT CAST(1 AS boolean), CAST(-2 AS bigint), CAST(-2 AS smallint), CAST(-2 AS integer),
       CAST(26 AS oid), CAST(0.5 AS real), CAST(-0.5 AS double precision),
       CAST(-1.50 AS numeric(38,2)), CAST('\u00e4 ' AS varchar(8)), CAST(NULL AS integer),
       CAST('2026-01-02' AS date), CAST('2026-01-02 03:04:05' AS timestamp)
"""
_PROBED = (
    b"\1", b"\xff" * 7 + b"\xfe", b"\xff\xfe", b"\xff" * 3 + b"\xfe", b"\0\0\0\x1a", b"\x3f\0\0\0",
    b"\xbf\xe0" + b"\0" * 6, b"-1.50", b"\xc3\xa4 ", None, b"2026-01-02", b"2026-01-02 03:04:05",
)  # fmt: skip
_PROBED_OIDS = (16, 20, 21, 23, 26, 700, 701, _OID_NUMERIC, 1043, 23, 1082, 1114)


def _text(raw: bytes) -> str:
    return raw.decode()


def _numeric(raw: bytes) -> Decimal:
    return Decimal(raw.decode("ascii"))


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a result: their names and types, and how the bytes of each are read."""

    names: tuple[str, ...]
    types: tuple[ColumnType, ...]
    decoders: tuple[Decoder, ...]
    oids: tuple[int, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str], oids: Sequence[int], modifiers: Sequence[int]) -> "Layout":
        """Return the layout of columns whose types are given by number."""
        return cls(
            tuple(names),
            tuple(map(_type, oids, modifiers)),
            tuple(map(_decoder, oids)),
            tuple(oids),
        )

    @classmethod
    def kept(cls, payload_format: str) -> "Layout":
        """Return the layout that a ``payload_format`` tells of; of the types only the numbers.

        Raises:
            ValueError: it tells of none.
        """
        name, _, columns = payload_format.partition(" ")
        if name != PAYLOAD_FORMAT:
            raise ValueError(f"unknown format {name!r}")
        names, oids = zip(*json.loads(columns), strict=True)
        return cls.of(names, oids, [_NO_MODIFIER] * len(oids))

    @property
    def payload_format(self) -> str:
        """Return how rows are kept: the format of the bytes, and the columns' names and types."""
        columns = list(zip(self.names, self.oids, strict=True))
        return f"{PAYLOAD_FORMAT} {json.dumps(columns, ensure_ascii=False)}"

    @property
    def encodings(self) -> tuple[str, ...]:
        """Return what the bytes of each column are, as ``domain.batch.Batch`` has it."""
        return tuple(_ENCODINGS.get(oid, "text") for oid in self.oids)

    def decode(self, body: bytes) -> Row:
        """Read one ``DataRow`` body.

        Raises:
            UnicodeDecodeError: a text is not UTF-8.
            ArithmeticError: a numeric is none.
            struct.error: a value of fixed length has another one.
        """
        at = 2
        row: list[object] = []
        for decoder in self.decoders:
            (length,) = _length(body, at)
            at += 4
            if length < 0:
                row.append(None)
            else:
                row.append(decoder(body[at : at + length]))
                at += length
        return tuple(row)


class Wire:
    """A driver connection whose rows stay bytes; ``is_known`` once it gave those of ``PROBE``."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bodies: list[bytes] = []
        self.size = 0
        self.is_known = False
        formats: defaultdict[int, tuple[int, Any]] = defaultdict(lambda: (TEXT, None))
        formats.update(dict.fromkeys(_BINARY, (BINARY, None)))
        connection.redshift_types = formats
        connection.message_types[DATA_ROW] = self._keep

    def execute(self, sql: str) -> tuple[Layout, list[bytes]]:
        """Run one statement and return all rows of its result as bytes.

        Raises:
            QueryError: there is more than memory is for; the connection is cut.
        """
        self.bodies, self.size = [], 0
        cursor = self.connection.cursor()
        cursor.execute(sql)
        described: Sequence[dict[str, Any]] = (cursor.ps or {}).get("row_desc", [])
        layout = Layout.of(
            [field["label"].decode() for field in described],
            [field["type_oid"] for field in described],
            [field["type_modifier"] for field in described],
        )
        return layout, self.bodies

    def _keep(self, body: bytes, _cursor: object) -> None:
        self.size += len(body)
        if self.size > MOST_ROW_BYTES and (
            self.size > MOST_ANSWER_BYTES or len(body) > MOST_ROW_BYTES
        ):
            self.cut()
            text = f"too much for memory: a row of {len(body):,} bytes, {self.size:,} in one answer"
            raise QueryError(text, hint="leave the widest column out of the query, or shorten it")
        self.bodies.append(body)

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


def _type(oid: int, modifier: int) -> ColumnType:
    if oid == _OID_NUMERIC and modifier >= _HEADER:
        return ColumnType("numeric", divmod(modifier - _HEADER, 1 << 16))
    return ColumnType(_TYPES.get(oid, "text"))


def _decoder(oid: int) -> Decoder:
    return _numeric if oid == _OID_NUMERIC else _BINARY.get(oid, _text)
