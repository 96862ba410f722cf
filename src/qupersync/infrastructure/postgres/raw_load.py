"""Batches into the target as the bytes that came: one COPY, one statement that looks at the rules.

A ``DataRow`` body is, byte for byte, a row of COPY's binary format. The raw path takes a batch
only as a whole. If PostgreSQL refuses a byte or a rule is broken, nothing of it stays, and the
caller checks the same bytes row by row: so both paths reject the same rows for the same reasons.
The merge reads the rows where they are, cast on the way.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor
from psycopg.errors import ProtocolViolation
from psycopg.rows import TupleRow
from psycopg.sql import Composable, Composed

from qupersync.domain.errors import RowsRefusedError
from qupersync.domain.job import Job
from qupersync.domain.load_path import COPY_PAYS_FROM, RAW, path_of
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.raw_sql import COPY, NOWHERE, RawSql

logger = logging.getLogger(__name__)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# One write per row is slower than all the rest; one of a whole batch would copy it once more.
ROWS_PER_WRITE = 500
MOST_REFUSALS = 3
# So many rows of the target, for each that came, may lie between the least key and the greatest.
MOST_SPARSE = 4
NEW, SAME = "new", "same"
# What to find out of the rows of a batch, and of which columns.
Asked = tuple[Composable, tuple[str, ...]]


@dataclass(slots=True)
class RawLoad:
    """The raw path of one run; left for good after ``MOST_REFUSALS`` batches that it refused.

    ``finds`` says what all rows of the last batch were, ``NEW`` or ``SAME``; empty if they were
    neither, None before the first. ``keeps_unique`` is false once nothing of the target kept
    the key unique. ``refused`` is the last batch that could not pass. ``sql`` are the statements
    for it, which are the same from batch to batch.
    """

    job: Job
    refusals: int = 0
    finds: str | None = None
    keeps_unique: bool = True
    refused: Block | None = None
    sql: RawSql | None = None

    def takes(self, block: Block) -> bool:
        """Tell whether it is worth a try with this batch."""
        if self.refusals >= MOST_REFUSALS or block is self.refused or not len(block.batch):
            return False
        if self.job.load == "auto" and len(block.batch) < COPY_PAYS_FROM:
            return False
        batch = block.batch
        return path_of(self.job, block.specs, batch.names, batch.encodings).name == RAW

    def sql_for(self, block: Block, collations: Mapping[str, Sequence[str]]) -> RawSql:
        """Return the statements for a batch that ``takes`` let through."""
        batch = block.batch
        sql = self.sql
        layout = batch.names, batch.encodings, block.specs
        if sql is None or (sql.names, sql.encodings, sql.specs) != layout:
            self.sql = sql = RawSql.of(block, collations)
        return sql

    def note_refusal(self, block: Block, error: RowsRefusedError) -> None:
        """Count a batch that was refused."""
        self.refused = block
        self.refusals += 1
        if self.refusals == MOST_REFUSALS:
            logger.warning(
                "raw path left: each row of the rest of this run is checked, which is slower",
                extra={"job": self.job.name, "sqlstate": error.sqlstate},
            )


@dataclass(slots=True)
class RawStage:
    """The table for raw rows, in one transaction; ``rows`` is what the merge reads of it.

    ``span`` are the least and the greatest key, where there is little but these rows between them;
    ``answers`` what was asked of the rows, unless there are more than those of one batch.
    """

    load: RawLoad
    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    collations: Mapping[str, Sequence[str]]
    _sql: RawSql | None = field(default=None, init=False)
    _is_filled: bool = field(default=False, init=False)
    _starts: tuple[int, int] = field(default=(0, 0), init=False)
    _begin: str = field(default=NOWHERE, init=False)
    _end: str = field(default=NOWHERE, init=False)
    span: Sequence[int] = field(default=(), init=False)
    answers: Sequence[Any] = field(default=(), init=False)
    _spilled: list[Composed] = field(default_factory=list, init=False)

    @property
    def rows(self) -> Composable | None:
        """Return the relation of the rows as target values, None if there are none."""
        return self._sql.rows() if self._sql and self._is_filled else None

    def add(self, block: Block, first: int, place: int, asked: Asked) -> bool:
        """Take a batch; tell whether that was possible.

        Its first row is number ``first`` of those that arrived, and ``place`` of those staged.
        """
        if not self.load.takes(block):
            return False
        try:
            self._copy(block, asked)
        except RowsRefusedError as error:
            self.load.note_refusal(block, error)
            return False
        if not self._is_filled:
            self._is_filled, self._starts = True, (first, place)
        return True

    def spill(self) -> None:
        """Bring all rows into the staging table, where single ones can be found."""
        if self._sql and self._is_filled:
            first, place = self._starts
            self.cursor.execute(self._sql.spill(first, self._begin))
            self._spilled.append(self._sql.records(place, self._begin, self._end))
            self._is_filled, self._begin, self.span, self.answers = False, self._end, (), ()

    def spilled(self) -> Sequence[Composed]:
        """Return, once, the queries for the bytes of the rows that ``spill`` has moved."""
        queries, self._spilled = self._spilled, []
        return queries

    def _copy(self, block: Block, asked: Asked) -> None:
        batch = block.batch
        if self._sql is None:
            sql = self.load.sql_for(block, self.collations)
            self.cursor.execute(sql.create())
            self._sql = sql
        with translated(), self.connection.transaction():
            self._write(batch.payloads)
            row = self.cursor.execute(self._sql.held(self._end, *asked)).fetchone()
            held, _, end, first, last, *answers = row or (0, 0, NOWHERE, None, None)
            if held != len(batch):
                raise RowsRefusedError("a row breaks a rule of its job")
        is_dense = first is not None and last - first < MOST_SPARSE * held
        self.span = (first, last) if is_dense and not self._is_filled else ()
        self.answers = answers if not self._is_filled else ()
        self._end = end

    def _write(self, bodies: Sequence[bytes]) -> None:
        try:
            with self.cursor.copy(COPY) as copy:
                for data in _written(bodies):
                    copy.write(data)
        except ProtocolViolation as error:  # what PostgreSQL calls a value that is too short
            raise RowsRefusedError("a value is too short", sqlstate="08P01") from error


def _written(bodies: Sequence[bytes]) -> Iterator[bytes]:
    yield HEADER
    for low in range(0, len(bodies), ROWS_PER_WRITE):
        yield b"".join(bodies[low : low + ROWS_PER_WRITE])
    yield TRAILER
