"""Batches into staging as the bytes that came: one COPY, one statement that keeps the rules.

A ``DataRow`` body is, byte for byte, a row of COPY's binary format. The raw path takes a batch
only as a whole. If PostgreSQL refuses a byte or a rule is broken, nothing of it stays, and the
caller checks the same bytes row by row: so both paths reject the same rows for the same reasons.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from struct import Struct

from psycopg import Connection, Cursor
from psycopg.errors import ProtocolViolation
from psycopg.rows import TupleRow

from qupersync.domain.errors import RowsRefusedError
from qupersync.domain.job import Job
from qupersync.domain.load_path import COPY_PAYS_FROM, RAW, path_of
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.raw_sql import COPY, EMPTY, RawSql

logger = logging.getLogger(__name__)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# One write per row is slower than all the rest; one of a whole batch would copy it once more.
ROWS_PER_WRITE = 500
MOST_REFUSALS = 3
# The number of fields, and the first of them: an integer of 4 bytes.
_placed = Struct("!hii").pack


@dataclass(slots=True)
class RawLoad:
    """The raw path of one run; left for good after ``MOST_REFUSALS`` batches that it refused."""

    job: Job
    refusals: int = 0

    def takes(self, block: Block) -> bool:
        """Tell whether it is worth a try with this batch."""
        if self.refusals >= MOST_REFUSALS or not len(block.batch):
            return False
        if self.job.load == "auto" and len(block.batch) < COPY_PAYS_FROM:
            return False
        batch = block.batch
        return path_of(self.job, block.specs, batch.names, batch.encodings).name == RAW

    def note_refusal(self, error: RowsRefusedError) -> None:
        """Count a batch that was refused."""
        self.refusals += 1
        if self.refusals == MOST_REFUSALS:
            logger.warning(
                "raw path left: each row of the rest of this run is checked, which is slower",
                extra={"job": self.job.name, "sqlstate": error.sqlstate},
            )


@dataclass(slots=True)
class RawStage:
    """The table for raw rows, in one transaction."""

    load: RawLoad
    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    is_made: bool = field(default=False, init=False)

    def add(self, block: Block, first: int) -> bool:
        """Stage a batch, its first row at place ``first``; tell whether that was possible."""
        if not self.load.takes(block):
            return False
        try:
            self._stage(block, first)
        except RowsRefusedError as error:
            self.load.note_refusal(error)
            return False
        return True

    def _stage(self, block: Block, first: int) -> None:
        batch = block.batch
        sql = RawSql(names=batch.names, encodings=batch.encodings, specs=block.specs, key=block.key)
        self.cursor.execute(EMPTY if self.is_made else sql.create())
        self.is_made = True
        with translated(), self.connection.transaction():
            self._copy(batch.payloads, len(batch.names))
            if self.cursor.execute(sql.move(first)).rowcount != len(batch):
                raise RowsRefusedError("a row breaks a rule of its job")

    def _copy(self, bodies: Sequence[bytes], width: int) -> None:
        try:
            with self.cursor.copy(COPY) as copy:
                for data in _written(bodies, width):
                    copy.write(data)
        except ProtocolViolation as error:  # what PostgreSQL calls a value that is too short
            raise RowsRefusedError("a value is too short", sqlstate="08P01") from error


def _written(bodies: Sequence[bytes], width: int) -> Iterator[bytes]:
    yield HEADER
    for low in range(0, len(bodies), ROWS_PER_WRITE):
        part = bodies[low : low + ROWS_PER_WRITE]
        placed = [(_placed(width + 1, 4, at), body[2:]) for at, body in enumerate(part, start=low)]
        yield b"".join(chain.from_iterable(placed))
    yield TRAILER
