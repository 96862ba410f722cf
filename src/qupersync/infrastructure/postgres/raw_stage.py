"""Batches into the target as the bytes that came: one COPY, one statement that looks at the rules.

A ``DataRow`` body is, byte for byte, a row of COPY's binary format. The raw path takes a batch
only as a whole. If PostgreSQL refuses a byte or a rule is broken, nothing of it stays, and the
caller checks the same bytes row by row: so both paths reject the same rows for the same reasons.
The merge reads the rows where they are, cast on the way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor
from psycopg.errors import ProtocolViolation, TooManyColumns
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable, Composed

from qupersync.domain.errors import RowsRefusedError
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.raw_load import RawLoad
from qupersync.infrastructure.postgres.raw_sql import COPY, NOWHERE, RawSql

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# One write per row is slower than all the rest; one of a whole batch would copy it once more.
ROWS_PER_WRITE = 500
# So many rows of the target, for each that came, may lie between the least key and the greatest.
MOST_SPARSE = 4
# What to find out of the rows of a batch, and of which columns.
Asked = tuple[Composable, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The ``rows`` of a batch: behind ``after`` until ``until`` in the order in which they came.

    ``span`` are the least and the greatest key, where there is little but these rows between them;
    ``answers`` are those to what was asked, none before the rules were; ``is_same`` tells that the
    target had all these rows as they are.
    """

    rows: int
    after: str
    until: str
    span: Sequence[int]
    answers: Sequence[Any] = ()
    is_same: bool = False


# What can be found out of rows without their rules, or later; None if these have to be asked.
Glance = Callable[[Part], Part | None]


@dataclass(slots=True)
class RawStage:
    """The table for raw rows, in one transaction; ``parts`` are what the merge reads of it."""

    load: RawLoad
    connection: Connection[TupleRow]
    cursor: Cursor[TupleRow]
    collations: Mapping[str, Sequence[str]]
    parts: list[Part] = field(default_factory=list, init=False)
    _sql: RawSql | None = field(default=None, init=False)
    _starts: tuple[int, int] = field(default=(0, 0), init=False)
    _end: str = field(default=NOWHERE, init=False)
    _spilled: list[Composed] = field(default_factory=list, init=False)

    @property
    def rows(self) -> SQL | None:
        """Return the relation of the rows as target values, None if there are none."""
        return self._sql.rows() if self._sql and self.parts else None

    @property
    def sql(self) -> RawSql:
        """Return the statements for the rows; there must be some."""
        if self._sql is None:
            raise AssertionError("no batch was staged raw")
        return self._sql

    def add(
        self,
        block: Block,
        first: int,
        place: int,
        asked: Asked,
        glance: Glance | None,
        *,
        is_early: bool,
    ) -> bool:
        """Take a batch; tell whether that was possible.

        Its first row is number ``first`` of those that arrived, and ``place`` of those staged.
        """
        if not self.load.takes(block, is_alone=not self.parts):
            return False
        try:
            part = self._copied(block, asked, glance, is_early=is_early)
        except RowsRefusedError as error:
            self.load.note_refusal(block, error)
            return False
        if not self.parts:
            self._starts = (first, place)
        self.parts.append(part)
        self._end = part.until
        return True

    def judge(self, block: Block, asked: Asked, glance: Glance) -> bool:
        """Take a second glance at the latest batch, or look at its rules; tell if it keeps them.

        If not its rows stay where they are, and the transaction must end without them.
        """
        part = self.parts[-1]
        try:
            with translated():
                found = glance(part)
            if found is None:
                with translated(), self.connection.transaction():
                    found = self._judged(block, asked, part.after)
        except RowsRefusedError as error:
            self.load.note_refusal(block, error)
            return False
        self.parts[-1], self._end = found, found.until
        return True

    def spill(self) -> None:
        """Bring all rows into the staging table, where single ones can be found."""
        if self.parts:
            (first, place), after = self._starts, self.parts[0].after
            self.cursor.execute(self.sql.spill(first, after))
            self._spilled.append(self.sql.records(place, after, self._end))
            self.parts.clear()

    def spilled(self) -> Sequence[Composed]:
        """Return, once, the queries for the bytes of the rows that ``spill`` has moved."""
        queries, self._spilled = self._spilled, []
        return queries

    def _copied(self, block: Block, asked: Asked, glance: Glance | None, *, is_early: bool) -> Part:
        if self._sql is None:
            sql = self.load.sql_for(block, self.collations)
            self.cursor.execute(sql.create())
            self._sql = sql
        with translated(), nullcontext() if is_early else self.connection.transaction():
            self._write(block.batch.payloads)
            glanced = self._glanced(block, glance, is_alone=is_early) if glance else None
            return glanced or self._judged(block, asked, self._end)

    def _glanced(self, block: Block, glance: Glance, *, is_alone: bool) -> Part | None:
        """Take a glance at rows; where they end is not asked if they are all of a transaction."""
        if not self.sql.is_counted:
            return None
        until, ends, rows = NOWHERE, block.ends(self.sql.key[0]), len(block.batch)
        is_guess = self.load.is_sorted and bool(ends)
        if not (is_guess and is_alone):
            reach = self.sql.reach(self._end, with_ends=not is_guess)
            until, *reached = self.cursor.execute(reach).fetchone() or (NOWHERE, None, None)
            if not is_guess:
                self.load.is_sorted, ends = reached == ends, reached
        span = _dense(ends, rows)
        return glance(Part(rows=rows, after=self._end, until=until, span=span)) if span else None

    def _judged(self, block: Block, asked: Asked, after: str) -> Part:
        try:
            row = self.cursor.execute(self.sql.held(after, *asked)).fetchone()
        except TooManyColumns as error:  # more than 800, most of them numbers as text
            raise RowsRefusedError("too many columns for one look", sqlstate="54011") from error
        held, _, until, first, last, *answers = row or (0, 0, NOWHERE, None, None)
        self.load.is_sorted = False  # a guess in vain is not made again
        if held != len(block.batch):
            raise RowsRefusedError("a row breaks a rule of its job")
        span = _dense((first, last), held)
        return Part(rows=held, after=after, until=until, span=span, answers=answers)

    def _write(self, bodies: Sequence[bytes]) -> None:
        try:
            with self.cursor.copy(COPY) as copy:
                for data in _written(bodies):
                    copy.write(data)
        except ProtocolViolation as error:  # what PostgreSQL calls a value that is too short
            raise RowsRefusedError("a value is too short", sqlstate="08P01") from error


def _dense(span: Sequence[int | None], rows: int) -> Sequence[int]:
    """Return the least key and the greatest, if there are both and little else between them."""
    first, last = span
    if first is None or last is None or last - first >= MOST_SPARSE * rows:
        return ()
    return first, last


def _written(bodies: Sequence[bytes]) -> Iterator[bytes]:
    yield HEADER
    for low in range(0, len(bodies), ROWS_PER_WRITE):
        yield b"".join(bodies[low : low + ROWS_PER_WRITE])
    yield TRAILER
