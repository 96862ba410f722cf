"""What every expected failure has: a stable code, a kind, whether a retry helps, and a hint."""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of failure it is, and so what may be done about it."""

    TRANSIENT = "transient"  # a server is away: try again later, on a new connection
    CONFLICT = "conflict"  # somebody was in the way: try again at once
    RESOURCE = "resource"  # a server is full: try again, but late and seldom
    TIMEOUT = "timeout"  # it took too long: try again, but seldom
    AUTH = "auth"  # refused at the door; trying again may lock the user out
    PERMISSION = "permission"  # a right is missing
    SCHEMA = "schema"  # the query, the table and the job do not fit together
    ROW = "row"  # rows are bad, the rest may be good
    CONFIG = "config"  # what was asked for makes no sense
    STATE = "state"  # it would be unsafe, unless somebody says otherwise
    LEASE = "lease"  # another run has the job
    STOPPED = "stopped"  # somebody wanted it so
    UNKNOWN = "unknown"  # nobody foresaw this answer of a server
    BUG = "bug"  # the program is wrong


class QuperSyncError(Exception):
    """Something failed that QuperSync knows by name.

    The class docstring is the default message for the operator. Texts never hold a row's
    values, SQL parameters or connection strings. ``sqlstate`` is the server's, if it gave one.
    ``JOB`` in a hint stands for the name of the job.
    """

    code = "error"
    kind = Kind.UNKNOWN
    retryable = False
    hint: str = ""
    sqlstate: str = ""

    def __init__(self, message: str = "", *, hint: str = "", sqlstate: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])
        self.hint = hint or self.hint
        self.sqlstate = sqlstate
