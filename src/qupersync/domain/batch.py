"""Rows on their way: as read, as checked, as set aside, and as counted by the target."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from math import isfinite
from struct import Struct
from typing import Self

Row = tuple[object, ...]
_FLOAT4 = Struct("<f")


class Single(float):
    """A number of single precision: its exact value, spelled with as few digits as tell it."""

    def __repr__(self) -> str:
        if not isfinite(self):
            return super().__repr__()
        for digits in range(6, 9):
            text = format(self, f".{digits}g")
            if _FLOAT4.unpack(_FLOAT4.pack(float(text)))[0] == self:
                return text
        return format(self, ".9g")

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is set aside: a stable reason, the column and the SQLSTATE where known."""

    reason: str
    column: str = ""
    sqlstate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be loaded: the row bit for bit, and why.

    ``values`` maps target columns to their text, for people; ``key`` is the row's key as a
    JSON array of texts.
    """

    payload: bytes
    payload_format: str
    refusal: Refusal
    key: str = ""
    values: dict[str, str | None] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the payload: the row's identity, however often it is seen."""
        return sha256(self.payload).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Rows as values; those in ``unreadable``, by position, are empty, with the reason why."""

    rows: Sequence[Row]
    unreadable: dict[int, Refusal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows as the bytes that the source gave; they are decoded when they are first asked for.

    ``encodings`` says what the bytes of each column are: the name of the type whose binary form
    they have, or ``text``, or ``numeric`` for a number as text. Empty if nobody vouches for it.
    """

    names: tuple[str, ...]
    payloads: Sequence[bytes]
    payload_format: str
    decode: Callable[[Sequence[bytes]], Decoded]
    encodings: tuple[str, ...] = ()

    @cached_property
    def decoded(self) -> Decoded:
        """Return the rows as values, in the order of ``names``."""
        return self.decode(self.payloads)

    def parts(self, rows: int) -> Iterator["Batch"]:
        """Yield the same rows in batches of at most ``rows``; at least one."""
        if len(self) <= rows:
            yield self
            return
        for at in range(0, len(self), rows):
            yield replace(self, payloads=self.payloads[at : at + rows])

    def __len__(self) -> int:
        return len(self.payloads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The rows of a batch that keep the job's rules, as target values, and those that do not.

    ``reject`` turns a checked row, by its position in ``rows``, into a reject after all;
    ``keys`` gives the key of each row in ``rows``, ``payloads`` its bytes.
    """

    rows: list[Row]
    rejects: list[Reject]
    reject: Callable[[int, Refusal], Reject]
    keys: Callable[[], list[str]]
    payloads: Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Row counts of a batch or a run: the reader counts ``extracted``, the database the rest."""

    extracted: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deduplicated: int = 0
    skipped: int = 0
    deleted: int = 0

    def __add__(self, other: Self) -> "Tally":
        return Tally(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    @property
    def upserted(self) -> int:
        """Return the rows that the target now holds because of, or confirmed by, this work."""
        return self.inserted + self.updated + self.unchanged

    @property
    def is_balanced(self) -> bool:
        """Tell whether every extracted row is accounted for."""
        accounted = self.upserted + self.deduplicated + self.skipped
        return self.extracted == accounted and all(count >= 0 for count in astuple(self))
