"""What the bytes of a row mean: the types of its columns, and how each is read.

A ``DataRow`` body is an int16 count, then per value an int32 length and bytes.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from qupersync.domain.batch import Row, Single
from qupersync.domain.columns import ColumnType

# In the first one timestamps were texts.
_OLD_FORMAT, PAYLOAD_FORMAT = "datarow-v1", "datarow-v2"
# Patterns of those that tell the columns; the oldest do not, and cannot be read again.
KEPT_FORMATS = (f"{_OLD_FORMAT} %", f"{PAYLOAD_FORMAT} %")
Decoder = Callable[[bytes], object]

OID_NUMERIC = 1700
# A numeric's modifier is precision << 16 | scale, plus the length of a varlena header.
_HEADER = 4
_NO_MODIFIER = -1
# Redshift's system times are naive UTC, so the copy says so.
_TYPES = {
    16: "boolean", 20: "bigint", 21: "smallint", 23: "integer", 26: "bigint", 700: "real",
    701: "double precision", 1082: "date", 1083: "time", 1114: "timestamptz", 1184: "timestamptz",
    OID_NUMERIC: "numeric",
}  # fmt: skip
_length = struct.Struct("!i").unpack_from
# A timestamp counts microseconds from the start of 2000; the calendar repeats after 400 years.
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - of a day and a clock without a zone
_CYCLE_YEARS, _CYCLE = 400, timedelta(days=146_097) // timedelta(microseconds=1)
_ENDLESS = {2**63 - 1: "infinity", -(2**63): "-infinity"}


def _one(form: str, kind: Callable[[Any], object] = lambda value: value) -> Decoder:
    unpack = struct.Struct(form).unpack
    return lambda raw: kind(unpack(raw)[0])


def _moment(micros: int, zone: str = "") -> str:
    """Write a timestamp as PostgreSQL does; Python's own has no year BC and none after 9999."""
    if micros in _ENDLESS:
        return _ENDLESS[micros]
    cycles, rest = divmod(micros, _CYCLE)
    moment = _EPOCH + timedelta(microseconds=rest)
    year = moment.year + cycles * _CYCLE_YEARS
    text = moment.isoformat(" ")[4:]
    text = text.rstrip("0") if moment.microsecond else text
    return f"{year:04}{text}{zone}" if year > 0 else f"{1 - year:04}{text}{zone} BC"


# Everything else is asked for as text: exact, and the same on every protocol version.
DECODERS: dict[int, Decoder] = {
    16: _one("!?"), 20: _one("!q"), 21: _one("!h"), 23: _one("!i"), 26: _one("!I"),
    700: _one("!f", Single), 701: _one("!d"),
    1114: _one("!q", _moment), 1184: _one("!q", partial(_moment, zone="+00")),
}  # fmt: skip
_TIMESTAMPS = (1114, 1184)

_ENCODINGS = {
    16: "boolean", 20: "bigint", 21: "smallint", 23: "integer", 26: "oid", 700: "real",
    701: "double precision", 1114: "timestamp", 1184: "timestamptz", OID_NUMERIC: "numeric",
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
    format: str = PAYLOAD_FORMAT

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
        if name not in {_OLD_FORMAT, PAYLOAD_FORMAT}:
            raise ValueError(f"unknown format {name!r}")
        names, oids = zip(*json.loads(columns), strict=True)
        layout = cls.of(names, oids, [_NO_MODIFIER] * len(oids))
        if name == PAYLOAD_FORMAT:
            return layout
        decoders = tuple(_text if oid in _TIMESTAMPS else _decoder(oid) for oid in oids)
        return replace(layout, decoders=decoders, format=name)

    @property
    def payload_format(self) -> str:
        """Return how rows are kept: the format of the bytes, and the columns' names and types."""
        columns = list(zip(self.names, self.oids, strict=True))
        return f"{self.format} {json.dumps(columns, ensure_ascii=False)}"

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


def _type(oid: int, modifier: int) -> ColumnType:
    if oid == OID_NUMERIC and modifier >= _HEADER:
        return ColumnType("numeric", divmod(modifier - _HEADER, 1 << 16))
    return ColumnType(_TYPES.get(oid, "text"))


def _decoder(oid: int) -> Decoder:
    return _numeric if oid == OID_NUMERIC else DECODERS.get(oid, _text)
