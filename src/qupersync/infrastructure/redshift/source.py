"""Redshift behind ``ports.Source``: cursors under unique names, bounded memory."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from math import inf
from time import monotonic
from typing import Any
from uuid import uuid4

import redshift_connector

from qupersync.domain.batch import Batch, Row
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import (
    QueryError,
    QuperSyncError,
    SourceUnavailableError,
    TimeLimitError,
)
from qupersync.domain.job import Flavor
from qupersync.domain.pulse import Pulse
from qupersync.infrastructure.redshift.errors import translated
from qupersync.infrastructure.redshift.fetching import Answer, batches
from qupersync.infrastructure.redshift.layout import Layout
from qupersync.infrastructure.redshift.probe import PROBE, is_as_known, require_right
from qupersync.infrastructure.redshift.read_ahead import ReadAhead
from qupersync.infrastructure.redshift.rights import rights
from qupersync.infrastructure.redshift.wire import Wire, close_half_open

logger = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10
QUIET_S = 300.0
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
    """Keeps the promises of ``ports.Source``; ``deadline`` is in ``time.monotonic`` seconds.

    A source that falls silent for ``quiet_s`` in the middle of a read is taken for lost.
    """

    wire: Wire
    fetch_rows: int
    deadline: float
    quiet_s: float = QUIET_S
    pulse: Pulse = field(default_factory=Pulse)
    _reading: ReadAhead | None = field(default=None, init=False)
    _is_begun: bool = field(default=False, init=False)

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
        self._is_begun = False
        reading = batches(
            sql,
            batch_rows,
            fetch_rows=self.fetch_rows,
            execute=self._in_reading,
            is_known=self.wire.is_known,
        )
        self._reading = ReadAhead(reading)
        return self._reading

    def _in_reading(self, sql: str, times: int = 1) -> Answer:
        # With the first row the result is complete at the source, so silence is no work: also not
        # behind an answer without a row, which the last ones are.
        is_begun = self._is_begun
        left_s = self.deadline - monotonic()
        try:
            answer = self.execute(sql, times, at_most_s=self.quiet_s if is_begun else left_s)
        except TimeLimitError as error:
            if is_begun and left_s > self.quiet_s and isinstance(error.__cause__, TimeoutError):
                text = f"Redshift sent nothing for {self.quiet_s:g} seconds in the middle of a read"
                raise SourceUnavailableError(text) from error
            raise
        self._is_begun = is_begun or bool(answer[1])
        return answer

    def execute(self, sql: str, times: int = 1, *, at_most_s: float = inf) -> Answer:
        """Run one statement within the time that is left; each wait ends after ``at_most_s``.

        More ``times`` than one are for the statement that ran last, once more.

        Raises:
            TimeLimitError: none is left.
        """
        left_s = self.deadline - monotonic()
        if left_s <= 0:
            raise TimeLimitError
        self.wire.limit(min(left_s, at_most_s))
        with translated(lambda: self.wire.refusal), self.pulse.waiting():
            return self.wire.execute(sql, times)

    def know(self) -> None:
        """Find out whether this driver and this server give the bytes that ``wire`` knows.

        Raises:
            DriverUnknownError: they give bytes that would be read as other values.
        """
        with suppress(QueryError):
            layout, bodies = self.execute(PROBE)
            require_right(layout, bodies)
            if is_as_known(layout, bodies, version("redshift_connector")):
                self.wire.is_known = self.execute(PROBE, times=2)[1] == 2 * bodies
        if not self.wire.is_known:
            logger.warning("unknown bytes of the driver: each row is checked, which is slower")

    def abort(self) -> None:
        """Keep the promise of ``ports.Source.abort``."""
        self.wire.cut()

    def is_at_work(self) -> bool:
        """Keep the promise of ``ports.Source.is_at_work``."""
        return self.pulse.is_felt()

    def close(self) -> None:
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
        DriverUnknownError: rows cannot be read through this driver.
    """
    with translated(server=_named(options)):
        try:
            connection = redshift_connector.connect(**options, **_SETTLED)
        except BaseException as error:
            close_half_open(error)
            raise
    try:
        connection.autocommit = True
        source = Source(Wire(connection), fetch_rows, monotonic() + limit_s)
        with closing(source):
            for statement in (*SESSION, f"SET statement_timeout TO {round(limit_s * 1000)}"):
                source.execute(statement)
            source.know()
            yield source
    finally:
        with suppress(QuperSyncError), translated():
            connection.close()
