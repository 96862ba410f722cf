"""Messages of PostgreSQL's wire protocol 3.0: cut from bytes and built from values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

PROTOCOL_3_0 = 196608
CANCEL_REQUEST = 80877102
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104

# Redshift names its own source files in every error.
_ORIGIN = {"F": "../src/pg/src/backend/tcop/postgres.c", "L": "1", "R": "stand_in"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message. The packets with which a client begins have no kind: it is empty."""

    kind: bytes
    body: bytes

    def __bytes__(self) -> bytes:
        return self.kind + (len(self.body) + 4).to_bytes(4) + self.body

    @property
    def code(self) -> int:
        """Return the number that a first packet or an authentication request begins with."""
        return int.from_bytes(self.body[:4])

    @property
    def texts(self) -> list[str]:
        """Return the body's zero-ended strings; bytes that are no UTF-8 are replaced."""
        return self.body.decode(errors="replace").split("\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """An error as a server words it; a FATAL one ends the session."""

    sqlstate: str
    message: str
    severity: str = "ERROR"

    @property
    def fatal(self) -> bool:
        """Say whether the server hangs up after it."""
        return self.severity in {"FATAL", "PANIC"}

    def frame(self) -> Frame:
        """Return the ErrorResponse, in the shape that Redshift gives it."""
        fields = {"S": self.severity, "C": self.sqlstate, "M": self.message, **_ORIGIN}
        body = b"".join(f"{kind}{value}\0".encode() for kind, value in fields.items())
        return Frame(kind=b"E", body=body + b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """The packet with which a session begins: who, where to, and the session's settings."""

    settings: Mapping[str, str]

    @classmethod
    def from_frame(cls, frame: Frame) -> Self:
        """Read the packet of a client."""
        words = iter(Frame(kind=b"", body=frame.body[4:]).texts)
        return cls(settings={key: next(words) for key in words if key})

    def frame(self) -> Frame:
        """Return the packet for a server."""
        pairs = b"".join(f"{key}\0{value}\0".encode() for key, value in self.settings.items())
        return Frame(kind=b"", body=PROTOCOL_3_0.to_bytes(4) + pairs + b"\0")


def take_frame(received: bytearray, *, kind_bytes: int = 1) -> Frame | None:
    """Take the first message off ``received``, or nothing as long as it is not whole."""
    if len(received) < kind_bytes + 4:
        return None
    end = kind_bytes + int.from_bytes(received[kind_bytes : kind_bytes + 4])
    if len(received) < end:
        return None
    frame = Frame(kind=bytes(received[:kind_bytes]), body=bytes(received[kind_bytes + 4 : end]))
    del received[:end]
    return frame


def statement(name: str, sql: str) -> Frame:
    """Return the Parse message of a statement without parameters."""
    return Frame(kind=b"P", body=f"{name}\0{sql}\0".encode() + bytes(2))


def query(sql: str) -> Frame:
    """Return the Query message of some SQL."""
    return Frame(kind=b"Q", body=f"{sql}\0".encode())


def with_field(row: Frame, column: int, value: bytes) -> Frame:
    """Return a DataRow with other bytes in one column, counted from 0."""
    fields = list(_fields(row.body))
    fields[column] = len(value).to_bytes(4) + value
    return Frame(kind=b"D", body=row.body[:2] + b"".join(fields))


def as_8_0(problem: Frame) -> Frame:
    """Return an error or a notice without the field that servers before 9.6 do not have."""
    fields = problem.body.split(b"\0")
    return replace(problem, body=b"\0".join(f for f in fields if not f.startswith(b"V")))


def _fields(body: bytes) -> Iterator[bytes]:
    start = 2
    while start < len(body):
        size = int.from_bytes(body[start : start + 4], signed=True)
        end = start + 4 + max(size, 0)
        yield body[start:end]
        start = end
