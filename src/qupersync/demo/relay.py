"""The messages of one session: passed on both ways, held and disturbed as the cluster says."""

import selectors

from qupersync.demo.cluster import Cluster
from qupersync.demo.dialect import refusal
from qupersync.demo.fault_plan import FaultWatch
from qupersync.demo.faults import BlackHole, Cut, Delay, Passing, ReplaceField, Sender, What
from qupersync.demo.frames import Frame, ServerError, as_8_0, query, statement, with_field
from qupersync.demo.wire import Wire

# What a Redshift reports of itself: always 8.0.2, and its drivers count on that.
_SERVER_VERSION = Frame(kind=b"S", body=b"server_version\0008.0.2\0")
_REPORTED = {
    "client_encoding",
    "DateStyle",
    "integer_datetimes",
    "is_superuser",
    "server_encoding",
    "session_authorization",
    "TimeZone",
}
# PostgreSQL must fail too wherever the stand-in answers an error: the transaction is then lost,
# the messages up to the next Sync are skipped, and the state that it reports afterwards is true.
_NONSENSE = "the stand-in refuses this"
_AUTHENTICATED = 0
_TRUST = ServerError(
    severity="FATAL",
    sqlstate="28000",
    message="the PostgreSQL behind the stand-in asks for a password; it must trust its user",
)


class SessionEndError(Exception):
    """The stand-in ends the session, in this way."""

    def __init__(self, how: Cut | BlackHole | ServerError) -> None:
        super().__init__(how)
        self.how = how


class Relay:
    """Stands between a client that has been let in and the PostgreSQL behind."""

    def __init__(self, client: Wire, upstream: Wire, cluster: Cluster, watch: FaultWatch) -> None:
        self._client = client
        self._upstream = upstream
        self._cluster = cluster
        self._watch = watch
        self._statements: dict[str, str] = {}
        self._cursor_open = False
        self._error: ServerError | None = None  # goes out in place of PostgreSQL's next one
        self._recovering = False  # the client has its error; PostgreSQL is not ready yet

    def run(self) -> None:
        """Pass messages on until one side closes.

        Raises:
            ConnectionError: one side has closed.
            SessionEndError: a fault ends the session.
        """
        with selectors.DefaultSelector() as readable:
            readable.register(self._client.connection, selectors.EVENT_READ, self._from_client)
            readable.register(self._upstream.connection, selectors.EVENT_READ, self._from_upstream)
            while True:
                for key, _ in readable.select():
                    key.data()

    def _from_client(self) -> None:
        for frame in self._client.frames():
            self._pass_up(frame)
        self._upstream.flush()

    def _from_upstream(self) -> None:
        for frame in self._upstream.frames():
            if translated := self._translated(frame):
                self._pass_down(translated)
        self._client.flush()
        self._upstream.flush()

    def _pass_up(self, frame: Frame) -> None:
        sql = self._sql(frame)
        runs = sql if frame.kind in {b"B", b"Q"} else ""
        error = refusal(sql, cursor_open=self._cursor_open, single_node=self._cluster.single_node)
        if strike := self._watch.strike(Passing(sender=Sender.CLIENT, frame=frame, sql=runs)):
            self._upstream.flush()
            error = suffer(strike.what) or error
        self._upstream.write(self._failing(frame, error) if error else bytes(frame))

    def _sql(self, frame: Frame) -> str:
        match frame.kind:
            case b"P":
                name, sql = frame.texts[:2]
                self._statements[name] = sql
                return sql
            case b"B":
                return self._statements.get(frame.texts[1], "")
            case b"Q":
                return frame.texts[0]
            case _:
                return ""

    def _failing(self, frame: Frame, error: ServerError) -> bytes:
        self._error = error
        if frame.kind == b"Q":
            return bytes(query(_NONSENSE))
        return bytes(statement("", _NONSENSE)) + bytes(frame)

    def _translated(self, frame: Frame) -> Frame | None:
        if self._recovering and not self._recovered(frame):
            return None
        match frame.kind:
            case b"R" if frame.code != _AUTHENTICATED:
                raise SessionEndError(_TRUST)
            case b"S":
                return _as_redshift(frame)
            case b"C":
                self._cursor_open = _cursor_left_open(frame, open_before=self._cursor_open)
            case b"Z":
                self._cursor_open &= frame.body == b"T"
            case b"E" if self._error:
                frame, self._error = self._error.frame(), None
            case b"E" | b"N":
                return as_8_0(frame)
            case _:
                pass
        return frame

    def _recovered(self, frame: Frame) -> bool:
        if frame.kind == b"Z" and frame.body == b"T":
            self._upstream.write(bytes(query(_NONSENSE)))
        elif frame.kind == b"Z":
            self._recovering = False
        return not self._recovering

    def _pass_down(self, frame: Frame) -> None:
        strike = self._watch.strike(Passing(sender=Sender.SERVER, frame=frame))
        if strike is None:
            self._client.write(bytes(frame))
            return
        self._client.write(bytes(frame)[: strike.sent_before])
        self._client.flush()
        if isinstance(strike.what, ReplaceField):
            self._client.write(bytes(with_field(frame, strike.what.column, strike.what.value)))
        elif error := suffer(strike.what):
            self._recovering = True
            self._client.write(bytes(error.frame()))
            # PostgreSQL may have nothing more to say: then the error comes just before "ready".
            if not strike.sent_before and self._recovered(frame):
                self._client.write(bytes(frame))
        else:
            self._client.write(bytes(frame)[strike.sent_before :])


def suffer(what: What) -> ServerError | None:
    """Let the fault happen, short of changing a message; return the error it has for the client.

    Raises:
        SessionEndError: the fault ends the session.
    """
    match what:
        case Cut() | BlackHole() | ServerError(fatal=True):
            raise SessionEndError(what)
        case ServerError():
            return what
        case Delay():
            what.until.wait(what.seconds)
        case ReplaceField():
            pass
    return None


def _as_redshift(status: Frame) -> Frame | None:
    name = status.texts[0]
    if name == "server_version":
        return _SERVER_VERSION
    return status if name in _REPORTED else None


def _cursor_left_open(complete: Frame, *, open_before: bool) -> bool:
    match complete.texts[0].split():
        case ["DECLARE", *_]:
            return True
        case ["CLOSE", *_]:
            return False
        case _:
            return open_before
