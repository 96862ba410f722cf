"""One connection to the target, and transactions on it that are right behind a pooler too."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, Cursor, IsolationLevel, sql
from psycopg.rows import TupleRow

from qupersync.domain.pulse import Pulse
from qupersync.infrastructure.postgres.deadlines import Deadlines
from qupersync.infrastructure.postgres.errors import translated

CONNECT_TIMEOUT_S = 10
CANCEL_TIMEOUT_S = 2
# psycopg cannot know a server that hangs: the kernel finds out within a minute.
PARAMETERS: dict[str, Any] = {
    "client_encoding": "UTF8",
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# All our names are qualified, but an operator or a function that somebody made in a schema of the
# path, for exactly our types, would be called instead of PostgreSQL's own (CVE-2018-1058).
SEARCH_PATH = "pg_catalog, pg_temp"
# A peer that is silent but acknowledges, as a proxy does, escapes keepalives and
# ``tcp_user_timeout``, and libpq waits for ever.
DEADLINES = Deadlines()
# A server that is alive has ended a statement by its own limit before.
GRACE_S = 10.0
# Who was asked to stop has 30 s in Kubernetes, and connects once more to record the end.
LEAVE_S = 6.0
# Set per transaction: a pooler in transaction mode would hand a session's SET to a stranger.
_LIMITS = {
    "search_path": SEARCH_PATH,
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "lock_timeout": "10s",
    "statement_timeout": "300s",
    "idle_in_transaction_session_timeout": "30s",
    # What a batch is merged with was touched lately: without this a batch of 20,000 rows had a
    # table of 1,000,000 read whole (64 ms), instead of looking up its keys (30 ms).
    "random_page_cost": "1.1",
}
_SET = sql.SQL("SELECT {}").format(
    sql.SQL(", ").join(
        sql.SQL("pg_catalog.set_config({}, %s, true)").format(sql.Literal(name)) for name in _LIMITS
    )
)


class Pulsing(Connection[TupleRow]):
    """A connection that notes when somebody waits for it; ``Session.transaction`` ends the wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pulse = Pulse()

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for the server, as all methods of a connection do."""
        with self.pulse.waiting():
            return super().wait(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Session:
    """A connection without a transaction of its own."""

    connection: Pulsing

    @contextmanager
    def transaction(self, **limits: str) -> Iterator[Cursor[TupleRow]]:
        """Run the block in one transaction: UTC, ISO dates, built-ins only, a limit on every wait.

        Raises:
            QuperSyncError: whatever the database answered, sorted by ``errors.classified``.
        """
        limits = _LIMITS | limits
        with (
            translated(),
            DEADLINES.within(seconds(limits["statement_timeout"]) + GRACE_S, self.cut),
            self.connection.transaction(),
            self.connection.cursor() as cursor,
        ):
            cursor.execute(_SET, list(limits.values()))
            yield cursor

    def cut(self) -> None:
        """End the connection, from any thread, as if the server had: who waits for it fails."""
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self.connection.fileno())) as same,
        ):
            same.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        """Cancel the running statement, from any thread; a server that is gone runs none.

        Returns at once: of many connections to a silent server none waits for the one before.
        """
        _after(0, self._cancel)

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)

    def leave(self) -> None:
        """Cut the connection unless it is closed within ``LEAVE_S``; from any thread, at once."""
        _after(LEAVE_S, self.cut)

    def rows(
        self, query: LiteralString | sql.Composed, parameters: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """Return the rows of one statement in a transaction of its own."""
        with self.transaction() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def execute(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement in a transaction of its own; return how many rows it touched."""
        with self.transaction() as cursor:
            return cursor.execute(query, parameters).rowcount


def seconds(limit: str) -> float:
    """Return what a limit in PostgreSQL's words, ``3s`` or ``3000ms``, comes to."""
    number = limit.rstrip("ms")
    return float(number) / (1000 if limit.endswith("ms") else 1)


def _after(seconds: float, act: Callable[[], None]) -> None:
    timer = Timer(seconds, act)
    timer.daemon = True
    timer.start()


@contextmanager
def connected(
    conninfo: str, *, read_only: bool = False, name: str = "qupersync"
) -> Iterator[Session]:
    """Open a connection and close it at the end; ``read_only`` makes each transaction so.

    ``name`` is how the server calls it.

    Raises:
        TargetUnavailableError: nobody answers, or the server is not ready.
        LoginRefusedError: the server refused the user, the password or the database.
    """
    with translated():
        connection = Pulsing.connect(
            conninfo,
            autocommit=True,
            prepare_threshold=None,
            application_name=name,
            **PARAMETERS,
        )
        connection.read_only = read_only or None
        # A batch is staged before the one before it is committed, and has to see that one.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
    try:
        yield Session(connection)
    finally:
        connection.close()
