"""Redshift behind ``ports.Source``: cursors under unique names, bounded memory."""

import logging
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

import redshift_connector

from qupersync.domain.batch import Batch, Decoded, Refusal, Row
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import QueryError, QuperSyncError, TimeLimitError
from qupersync.domain.job import Flavor
from qupersync.infrastructure.redshift.errors import translated
from qupersync.infrastructure.redshift.read_ahead import ReadAhead
from qupersync.infrastructure.redshift.rights import rights
from qupersync.infrastructure.redshift.wire import (
    PROBE,
    Layout,
    Wire,
    close_half_open,
    is_as_known,
)

logger = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10
BATCH_BYTES = 8 * 1024 * 1024
CLOCK = "SELECT getdate()"
# Every user of a provisioned cluster sees its slices; serverless has none.
SLICES = "SELECT count(*) FROM stv_slices"
_NO_SUCH_TABLE = "42P01"
SESSION = ("SET timezone TO 'UTC'", "SET datestyle TO 'ISO'")
_SETTLED: dict[str, Any] = {
    "timeout": CONNECT_TIMEOUT_S,
    "client_protocol_version": 0,  # the one without binary numerics
    "tcp_keepalive": True,
    "tcp_keepalive_idle": 30,
    "tcp_keepalive_interval": 10,
    "tcp_keepalive_count": 3,
}


@dataclass(slots=True)
class Source:
    """Keeps the promises of ``ports.Source``; ``deadline`` is in ``time.monotonic`` seconds."""

    wire: Wire
    fetch_rows: int
    deadline: float
    _reading: ReadAhead | None = field(default=None, init=False)

    def clock(self) -> datetime:
        """Keep the promise of ``ports.Source.clock``."""
        text = str(self.ask(CLOCK)[0])
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)

    def flavor(self) -> Flavor:
        """Keep the promise of ``ports.Source.flavor``."""
        try:
            (slices,) = self.ask(SLICES)
        except QueryError as error:
            if error.sqlstate != _NO_SUCH_TABLE:
                raise
            return Flavor.SERVERLESS
        return Flavor.PROVISIONED if slices else Flavor.SERVERLESS

    def rights(self) -> str:
        """Keep the promise of ``ports.Source.rights``."""
        return rights(self.ask)

    def describe(self, sql: str) -> Mapping[str, ColumnType]:
        """Return the columns of a query's result, with the type that a copy of each would have."""
        layout = self.layout(sql)
        return dict(zip(layout.names, layout.types, strict=True))

    def layout(self, sql: str) -> Layout:
        """Return the columns of a query's result."""
        name = f"qupersync_{uuid4().hex}"
        self.execute("BEGIN READ ONLY")
        self.execute(f"DECLARE {name} CURSOR FOR {sql}")
        layout, _ = self.execute(f"FETCH FORWARD 1 FROM {name}")
        self.execute("ROLLBACK")
        return layout

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        """Keep the promise of ``ports.Source.read``."""
        self._reading = ReadAhead(self._batches(sql, batch_rows))
        return self._reading

    def _batches(self, sql: str, batch_rows: int) -> Iterator[Batch]:
        # Unique: the driver reuses the row description of an earlier FETCH with the same text,
        # and then gives wrong values without an error.
        name = f"qupersync_{uuid4().hex}"
        rows = min(self.fetch_rows, batch_rows)
        self.execute("BEGIN READ ONLY")
        self.execute(f"DECLARE {name} CURSOR FOR {sql}")
        layout, size = Layout((), (), ()), 0
        waiting: list[bytes] = []
        for layout, fetched in self._fetched(f"FETCH FORWARD {rows} FROM {name}", rows):
            for body in fetched:
                # Only with a row to follow, so that only an empty result gives an empty batch.
                if len(waiting) == batch_rows or size >= BATCH_BYTES:
                    yield batch_of(layout, waiting, is_known=self.wire.is_known)
                    waiting, size = [], 0
                waiting.append(body)
                size += len(body)
        yield batch_of(layout, waiting, is_known=self.wire.is_known)
        self.execute("ROLLBACK")

    def _fetched(self, fetch: str, rows: int) -> Iterator[tuple[Layout, list[bytes]]]:
        while True:
            layout, bodies = self.execute(fetch)
            yield layout, bodies
            if len(bodies) < rows:
                return

    def execute(self, sql: str) -> tuple[Layout, list[bytes]]:
        """Run one statement within the time that is left.

        Raises:
            TimeLimitError: none is left.
        """
        left_s = self.deadline - monotonic()
        if left_s <= 0:
            raise TimeLimitError
        self.wire.limit(left_s)
        with translated(lambda: self.wire.refusal):
            return self.wire.execute(sql)

    def know(self) -> None:
        """Find out whether this driver and this server give the bytes that ``wire`` knows."""
        with suppress(QueryError):
            layout, bodies = self.execute(PROBE)
            self.wire.is_known = is_as_known(layout, bodies)
        if not self.wire.is_known:
            logger.warning("unknown bytes of the driver: each row is checked, which is slower")

    def abort(self) -> None:
        """Keep the promise of ``ports.Source.abort``."""
        self.wire.cut()

    def end(self) -> None:
        """Stop a reading that nobody follows to its end."""
        if self._reading is not None and not self._reading.is_over:
            self.wire.cut()
            self._reading.close()

    def ask(self, sql: str, *, limit_s: float | None = None) -> Row:
        """Keep the promise of ``ports.Source.ask``."""
        self.execute("BEGIN READ ONLY")
        try:
            if limit_s is not None:
                self.execute(f"SET LOCAL statement_timeout TO {round(limit_s * 1000)}")
            layout, bodies = self.execute(sql)
        finally:
            with suppress(QuperSyncError):  # of a connection that is lost the first error tells
                self.execute("ROLLBACK")
        return layout.decode(bodies[0])


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


def _named(options: Mapping[str, Any]) -> str:
    # With IAM the driver may look the host up by itself.
    host = options.get("host")
    return f"Redshift at {host}:{options['port']}" if host else "Redshift"


@contextmanager
def connected(options: Mapping[str, Any], *, fetch_rows: int, limit_s: float) -> Iterator[Source]:
    """Open a connection for one job and throw it away at the end, whatever happened on it.

    ``options`` are the driver's own, ``limit_s`` is the job's time from now on.

    Raises:
        SourceUnavailableError: nobody answers.
        LoginRefusedError: the user, the password or the database is refused, or TLS fails.
    """
    with translated(server=_named(options)):
        try:
            connection = redshift_connector.connect(**options, **_SETTLED)
        except BaseException as error:
            close_half_open(error)
            raise
    connection.autocommit = True
    source = Source(Wire(connection), fetch_rows, monotonic() + limit_s)
    try:
        for statement in (*SESSION, f"SET statement_timeout TO {round(limit_s * 1000)}"):
            source.execute(statement)
        source.know()
        yield source
    finally:
        source.end()
        with suppress(QuperSyncError), translated():
            connection.close()
