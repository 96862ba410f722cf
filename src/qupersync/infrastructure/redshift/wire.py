"""The inside of ``redshift_connector``; no other file may know it (versions: pyproject.toml).

The driver decodes each row as it arrives: it clamps infinity and years BC in silence, and one
byte that is no UTF-8 ends the whole read with the rest unread, after which the connection gives
empty results (all measured with 2.2.0). So rows are taken as they come off the wire, and decoded
by ``decode``. A ``DataRow`` body is an int16 count, then per value an int32 length and bytes.
"""

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

TEXT, BINARY = 0, 1
PAYLOAD_FORMAT = "datarow-v1"
Decoder = Callable[[bytes], object]

_OID_NUMERIC = 1700
# A numeric's modifier is precision << 16 | scale, plus the length of a varlena header.
_HEADER = 4
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
    """A driver connection whose rows stay bytes."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bodies: list[bytes] = []
        formats: defaultdict[int, tuple[int, Any]] = defaultdict(lambda: (TEXT, None))
        formats.update(dict.fromkeys(_BINARY, (BINARY, None)))
        connection.redshift_types = formats
        connection.message_types[DATA_ROW] = lambda body, _cursor: self.bodies.append(body)

    def execute(self, sql: str) -> tuple[Layout, list[bytes]]:
        """Run one statement and return all rows of its result as bytes."""
        self.bodies = []
        cursor = self.connection.cursor()
        cursor.execute(sql)
        described: Sequence[dict[str, Any]] = (cursor.ps or {}).get("row_desc", [])
        layout = Layout(
            tuple(field["label"].decode() for field in described),
            tuple(_type(field["type_oid"], field["type_modifier"]) for field in described),
            tuple(_decoder(field["type_oid"]) for field in described),
            tuple(field["type_oid"] for field in described),
        )
        return layout, self.bodies

    def limit(self, seconds: float) -> None:
        """Bound every later wait for the server."""
        self.connection._usock.settimeout(seconds)  # noqa: SLF001 - the driver has no other way

    def cut(self) -> None:
        """Make a read that blocks in another thread fail at once."""
        try:
            self.connection._usock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001
        except OSError:
            return  # it is cut already

    @property
    def refusal(self) -> BaseException | None:
        """Return the server's last error, which the driver hides when the socket closes."""
        error: BaseException | None = self.connection.error
        return error


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
