"""A query's result in batches whose memory is bounded, however long or wide it is."""

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol
from uuid import uuid4

from qupersync.domain.batch import Batch, Decoded, Refusal, Row
from qupersync.domain.errors import DriverUnknownError
from qupersync.infrastructure.redshift.layout import Layout
from qupersync.infrastructure.redshift.probe import UNKNOWN

BATCH_BYTES = 4 * 1024 * 1024
FETCH_BYTES = 512 * 1024
GROWTH = 8
# In one flight: on the way there and back neither side has anything to do.
FETCHES = 2

Answer = tuple[Layout, list[bytes]]
# With the size of all rows in bytes.
Sized = tuple[Layout, list[bytes], int]


class Execute(Protocol):
    """Runs a statement; more ``times`` than one are for the statement that ran last."""

    def __call__(self, sql: str, times: int = 1) -> Answer:
        """Return all rows."""


def batches(
    sql: str, batch_rows: int, *, fetch_rows: int, execute: Execute, is_known: bool
) -> Iterator[Batch]:
    """Keep the promise of ``ports.Source.read``; without ``is_known`` nobody vouches for bytes."""
    # Unique: the driver reuses the row description of an earlier FETCH with the same text,
    # and then gives wrong values without an error.
    name = f"qupersync_{uuid4().hex}"
    execute("BEGIN READ ONLY")
    execute(f"DECLARE {name} CURSOR FOR {sql}")
    layout, size = Layout((), (), ()), 0
    waiting: list[bytes] = []
    flight = FETCHES if is_known else 1
    answers = fetched(execute, name, max(1, min(fetch_rows, batch_rows) // flight), flight)
    for layout, bodies, more in _in_parts(answers):
        # Only with a row to follow, so that only an empty result gives an empty batch.
        if waiting and bodies and size + more > BATCH_BYTES:
            yield batch_of(layout, waiting, is_known=is_known)
            waiting, size = [], 0
        waiting += bodies
        size += more
        while len(waiting) > batch_rows:
            rest = waiting[batch_rows:]  # few: to touch each row once more is what costs
            del waiting[batch_rows:]
            yield batch_of(layout, waiting, is_known=is_known)
            waiting, size = rest, sum(map(len, rest))
    yield batch_of(layout, waiting, is_known=is_known)
    execute("ROLLBACK")


def _in_parts(answers: Iterator[Sized]) -> Iterator[Sized]:
    """Cut an answer whose rows were wider than those before it into parts of ``BATCH_BYTES``."""
    for layout, bodies, total in answers:
        low, size, left = 0, 0, total
        if left > BATCH_BYTES:
            for at, body in enumerate(bodies):
                if at > low and size + len(body) > BATCH_BYTES:
                    yield layout, bodies[low:at], size
                    low, size, left = at, 0, left - size
                size += len(body)
        yield layout, bodies[low:] if low else bodies, left


def fetched(execute: Execute, cursor: str, most: int, flight: int = 1) -> Iterator[Sized]:
    """Yield the answers of FETCH until the cursor is at its end; at least one.

    The driver holds a whole answer in memory. So its number of rows, at most ``most``, follows
    the widest row of the one before: ``FETCH_BYTES`` in all, or one row. Answers to the same FETCH
    are ``flight`` in one; that the end is reached only a FETCH by itself can say.

    Raises:
        DriverUnknownError: it was not, so nobody knows whether the flight brought all its rows.
    """
    rows, times = 1, 1
    while True:
        layout, bodies = execute(f"FETCH FORWARD {rows} FROM {cursor}", times)
        widths = [*map(len, bodies)]
        yield layout, bodies, sum(widths)
        if len(bodies) == rows * times:
            before, rows = rows, min(most, rows * GROWTH, _fitting(max(widths)))
            times = flight if 1 < rows == before else 1
            continue
        if times > 1 and execute(f"FETCH FORWARD {rows} FROM {cursor}")[1]:
            raise DriverUnknownError(f"{UNKNOWN}rows follow on an answer that had too few")
        return


def batch_of(layout: Layout, bodies: Sequence[bytes], *, is_known: bool = False) -> Batch:
    """Return rows as they came; unless the driver ``is_known`` nobody may take them undecoded."""
    return Batch(
        names=layout.names,
        payloads=bodies,
        payload_format=layout.payload_format,
        decode=partial(_decoded, layout),
        encodings=layout.encodings if is_known else (),
    )


def _decoded(layout: Layout, bodies: Sequence[bytes]) -> Decoded:
    rows: list[Row] = []
    unreadable: dict[int, Refusal] = {}
    for at, body in enumerate(bodies):
        try:
            rows.append(layout.decode(body))
        except (ValueError, ArithmeticError, struct.error) as error:
            rows.append(())
            unreadable[at] = Refusal(
                "not-utf8" if isinstance(error, UnicodeDecodeError) else "unreadable"
            )
    return Decoded(rows=rows, unreadable=unreadable)


def _fitting(width: int) -> int:
    # A power of two: the driver prepares a statement for each different number.
    return 1 << max(FETCH_BYTES // width, 1).bit_length() - 1
