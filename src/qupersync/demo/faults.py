"""The misbehaviour that a stand-in has been told to show: what it is, and when it comes."""

from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Event

from qupersync.demo.frames import Frame, ServerError


class Sender(Enum):
    """Who sent a message."""

    CLIENT = auto()
    SERVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """A message on its way; ``sql`` is the statement that it runs, when it runs one."""

    sender: Sender
    frame: Frame
    sql: str = ""

    @property
    def size(self) -> int:
        """Return the number of bytes that the message takes on the wire."""
        return len(self.frame.kind) + 4 + len(self.frame.body)


@dataclass(frozen=True, slots=True)
class AfterRows:
    """As soon as this many rows have been sent to the client."""

    count: int

    def counted(self, passing: Passing) -> int:
        """Return by how much the message brings the point nearer."""
        return (passing.sender, passing.frame.kind) == (Sender.SERVER, b"D")


@dataclass(frozen=True, slots=True)
class AfterBytes:
    """As soon as this many bytes have been sent to the client: mostly inside a message."""

    count: int

    def counted(self, passing: Passing) -> int:
        """Return by how much the message brings the point nearer."""
        return passing.size if passing.sender is Sender.SERVER else 0


@dataclass(frozen=True, slots=True)
class AtMessage:
    """Before the nth message of one kind (a protocol letter) goes on.

    The kind of the client's start-up packet is empty: a fault there comes before the password.
    """

    sender: Sender
    kind: bytes
    count: int = 1

    def counted(self, passing: Passing) -> int:
        """Return by how much the message brings the point nearer."""
        return (passing.sender, passing.frame.kind) == (self.sender, self.kind)


@dataclass(frozen=True, slots=True)
class AtSql:
    """Before the nth run of a statement whose text contains this, in whatever case."""

    text: str
    count: int = 1

    def counted(self, passing: Passing) -> int:
        """Return by how much the message brings the point nearer."""
        return bool(passing.sql) and self.text.lower() in passing.sql.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """End the connection: orderly (FIN), or with a reset (RST)."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class BlackHole:
    """Let nothing through any more, either way, and leave the connection open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Hold the session until the event is set, or for some seconds at most when they are given."""

    seconds: float | None = None
    until: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceField:
    """Put these bytes in place of one column (counted from 0) of a row."""

    column: int
    value: bytes


When = AfterRows | AfterBytes | AtMessage | AtSql
"""A point in the messages of one session, reached by counting up to ``count``, at least 1."""
What = Cut | BlackHole | Delay | ReplaceField | ServerError


@dataclass(frozen=True, kw_only=True, eq=False)
class Fault:
    """One misbehaviour; each session counts towards it from when it was armed.

    ``times`` limits how often it comes, over all sessions; ``reached`` is set at the first time.
    """

    when: When
    what: What
    times: int = 1
    reached: Event = field(default_factory=Event, repr=False)

    def __post_init__(self) -> None:
        match (self.when, self.what):
            case (AtMessage(Sender.SERVER, b"D"), ReplaceField()):
                pass
            case (_, ReplaceField()):
                raise ValueError("a field is replaced in a row: AtMessage(Sender.SERVER, b'D')")
            case (AfterBytes(), ServerError()):
                raise ValueError("a server does not begin an error in the middle of a message")
            case _:
                pass
