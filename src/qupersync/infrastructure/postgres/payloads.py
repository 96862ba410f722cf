"""The bytes of rows that are staged and no longer in memory, for the rejects among them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed

from qupersync.infrastructure.postgres.raw_stage import HEADER, TRAILER

# A table of its own: one of 1,600 columns has no room for another.
CREATE = """
CREATE TEMP TABLE qupersync_payloads (place bigint, payload bytea, is_record boolean)
    ON COMMIT DROP
"""
COPY = "COPY pg_temp.qupersync_payloads FROM STDIN (FORMAT binary)"
KEEP = SQL("INSERT INTO pg_temp.qupersync_payloads {}")
FIND = "SELECT payload, is_record FROM pg_temp.qupersync_payloads WHERE place = %s"
_length = struct.Struct("!i").unpack_from
# Three values: a place of eight bytes, the payload behind its length, and false.
_head, _FALSE = struct.Struct("!hiqi").pack, b"\0\0\0\1\0"


@dataclass(slots=True)
class Payloads:
    """Payloads of one transaction by their place among all rows that it staged."""

    cursor: Cursor[TupleRow]
    _is_made: bool = field(default=False, init=False)

    def keep(self, payloads: Sequence[bytes], first: int) -> None:
        """Keep payloads, the first of them at a place."""
        self._make()
        # In one piece: write_row takes ten times as long.
        rows = (_head(3, 8, at, len(it)) + it + _FALSE for at, it in enumerate(payloads, first))
        with self.cursor.copy(COPY) as copy:
            copy.write(b"".join((HEADER, *rows, TRAILER)))

    def keep_records(self, records: Composed) -> None:
        """Keep the rows of a query: the place, what ``record_send`` makes of the row, and true."""
        self._make()
        self.cursor.execute(KEEP.format(records))

    def find(self, place: int) -> bytes:
        """Return the payload at a place."""
        row = self.cursor.execute(FIND, [place]).fetchone()
        if row is None:
            raise AssertionError("the bytes of each staged row are kept")
        payload, is_record = row
        return _body(payload) if is_record else bytes(payload)

    def _make(self) -> None:
        if not self._is_made:
            self.cursor.execute(CREATE)
            self._is_made = True


def _body(record: bytes) -> bytes:
    """Return a ``DataRow`` body: a record with a shorter count, and without its columns' types."""
    (count,), at = _length(record), 4
    parts = [struct.pack("!h", count)]
    for _ in range(count):
        start = at + 4
        at = start + 4 + max(_length(record, start)[0], 0)
        parts.append(record[start:at])
    return b"".join(parts)
