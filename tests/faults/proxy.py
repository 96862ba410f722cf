"""A proxy before the target: it counts the messages of PostgreSQL's protocol, and misbehaves."""

import socket
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import Self

from qupersync.demo.cluster import Cluster
from qupersync.demo.frames import Frame
from qupersync.demo.login import first_packet, forward_cancel
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.wire import Wire


class End(Enum):
    """How a session ends, for the client.

    Half open and in a black hole the server does not learn of it, and keeps its transaction.
    """

    CUT = auto()
    RESET = auto()
    HALF_OPEN = auto()
    BLACK_HOLE = auto()


STATEMENTS = {b"P": 1, b"Q": 0}  # where in the message the SQL stands
ENDS_OF_REQUESTS = {b"S", b"Q", b"", b"p", b"c", b"f"}
HOLD_S = 60
COMPLETE, READY = b"C", b"Z"


class EndedError(Exception):
    def __init__(self, how: End) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message on its way; ``text`` is the SQL of the client's request, or what the server did.

    The sessions are numbered in the order in which they began. The rows of a COPY are a request of
    their own.
    """

    session: int
    from_client: bool
    kind: bytes
    text: str
    begins: bool = False  # a request

    def is_request(self) -> bool:
        """Tell whether a request begins here: none of it has reached the server yet."""
        return self.begins

    def is_answer(self) -> bool:
        """Tell whether an answer ends here: the server is done, and the client not yet told."""
        return not self.from_client and self.kind == READY


@dataclass(kw_only=True, eq=False)
class Trap:
    """Does something at the ``count``-th message that it looks for, over all sessions, once.

    What it returns befalls the session before that message goes on: an end, or a wait for an event.
    """

    looks_for: Callable[[Message], bool]
    does: Callable[[], End | Event | None]
    count: int = 1
    seen: int = 0
    sprung: Event = field(default_factory=Event)

    def watch(self, message: Message) -> End | Event | None:
        if self.sprung.is_set() or not self.looks_for(message):
            return None
        self.seen += 1
        if self.seen < self.count:
            return None
        self.sprung.set()
        return self.does()


@dataclass(eq=False)
class Proxy:
    """Listens on a free port of the loopback inside its ``with`` block, and serves in threads.

    Each message takes ``latency_s``.
    """

    upstream: PostgresAddress
    host: str = field(init=False, default="127.0.0.1")
    port: int = field(init=False)
    trap: Trap | None = None
    latency_s: float = 0.0
    _over: Event = field(init=False, default_factory=Event)
    _lock: Lock = field(init=False, default_factory=Lock)
    _sessions: list[tuple["_Session", Thread]] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, name="proxy")
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._over.set()
        for session, _thread in self._sessions:
            session.stop()
        for _session, thread in self._sessions:
            thread.join()

    def set(self, trap: Trap) -> Trap:
        """Look out for another message from now on."""
        self.trap = trap
        return trap

    def watch(self, message: Message) -> None:
        """Count the message, and hold it up.

        Raises:
            EndedError: the session ends here.
        """
        with self._lock:
            what = self.trap and self.trap.watch(message)
        self._over.wait(self.latency_s)
        if isinstance(what, Event):
            what.wait(HOLD_S)
        elif what:
            raise EndedError(what)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            session = _Session(self, Wire(connection), len(self._sessions))
            thread = Thread(target=session.run, name="proxy session")
            thread.start()
            self._sessions.append((session, thread))


class _Session:
    def __init__(self, proxy: Proxy, client: Wire, number: int) -> None:
        self._proxy = proxy
        self._number = number
        self._client = client
        self._cluster = Cluster(upstream=proxy.upstream)
        self._server = Wire(self._cluster.connect_upstream())
        self._sql = ""
        self._is_idle = True  # no request is under way

    def run(self) -> None:
        with closing(self._client), closing(self._server), suppress(OSError):
            try:
                packet = first_packet(self._client, self._cluster)
                if not forward_cancel(packet, self._cluster):
                    self._up(packet)
                    self._relay()
            except EndedError as ended:
                self._end(ended.how)

    def stop(self) -> None:
        self._client.hang_up()
        self._server.hang_up()

    def _relay(self) -> None:
        with DefaultSelector() as readable:
            readable.register(self._client.connection, EVENT_READ, (self._client, self._up))
            readable.register(self._server.connection, EVENT_READ, (self._server, self._down))
            while True:
                self._server.flush()
                self._client.flush()
                for key, _ in readable.select():
                    wire, handle = key.data
                    for frame in wire.frames():
                        handle(frame)

    def _up(self, frame: Frame) -> None:
        if frame.kind in STATEMENTS:
            self._sql = frame.texts[STATEMENTS[frame.kind]]
        begins, self._is_idle = self._is_idle, frame.kind in ENDS_OF_REQUESTS
        self._proxy.watch(
            Message(
                session=self._number,
                from_client=True,
                kind=frame.kind,
                text=self._sql,
                begins=begins,
            )
        )
        self._server.write(bytes(frame))

    def _down(self, frame: Frame) -> None:
        text = frame.texts[0] if frame.kind == COMPLETE else ""
        self._proxy.watch(
            Message(session=self._number, from_client=False, kind=frame.kind, text=text)
        )
        self._client.write(bytes(frame))

    def _end(self, how: End) -> None:
        if how in {End.RESET, End.HALF_OPEN}:
            self._client.reset_on_close()
        if how is End.HALF_OPEN:
            self._client.close()
            self._server.drain()
        if how is End.BLACK_HOLE:
            self._client.drain()
