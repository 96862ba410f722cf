"""The failures that a server is the cause of."""

from qupersync.domain.error_kinds import Kind, QuperSyncError


class UnavailableError(QuperSyncError):
    """A server could not be reached or dropped the connection."""

    code = "unavailable"
    kind = Kind.TRANSIENT
    retryable = True


class SourceUnavailableError(UnavailableError):
    """Redshift could not be reached or dropped the connection."""

    code = "source-unavailable"
    hint = "check REDSHIFT_HOST, REDSHIFT_PORT and the network; the next run goes on from here"


class TargetUnavailableError(UnavailableError):
    """PostgreSQL could not be reached or dropped the connection."""

    code = "target-unavailable"
    hint = "check POSTGRES_HOST, POSTGRES_PORT and the network; the next run goes on from here"


class LoginRefusedError(QuperSyncError):
    """A server refused the user, the password or the database, or could not prove its name."""

    code = "login-refused"
    kind = Kind.AUTH
    hint = "check the USER, PASSWORD and DB of REDSHIFT_ or POSTGRES_: qupersync config show"


class PermissionDeniedError(QuperSyncError):
    """The user lacks a right."""

    code = "permission-denied"
    kind = Kind.PERMISSION
    hint = "grant the right named: qupersync doctor and docs/grants.sql have all of them"


class QueryError(QuperSyncError):
    """The source refused the job's SQL."""

    code = "query-failed"
    kind = Kind.SCHEMA
    hint = "try it with: qupersync plan JOB; once it is repaired: qupersync retry"


class TargetMismatchError(QuperSyncError):
    """The target table does not fit the job."""

    code = "target-mismatch"
    kind = Kind.SCHEMA
    hint = "alter the table or the job, or make a new table with: qupersync db create JOB"


class StatementError(QuperSyncError):
    """The target refused a statement."""

    code = "target-refused"
    hint = "look at PostgreSQL's log for the statement; once it is repaired: qupersync retry"


class RowsRefusedError(QuperSyncError):
    """The target refused at least one row of a block; which one is still to be found."""

    code = "rows-refused"
    kind = Kind.ROW
    hint = "look for a second unique index on the target: two rows of the batch refuse each other"

    def __init__(
        self, message: str = "", *, hint: str = "", sqlstate: str = "", column: str = ""
    ) -> None:
        super().__init__(message, hint=hint, sqlstate=sqlstate)
        self.column = column


class ConflictError(QuperSyncError):
    """Another session was in the way; the same batch may succeed at once."""

    code = "conflict"
    kind = Kind.CONFLICT
    retryable = True
    hint = "qupersync run JOB; if it stays, look for another program that writes to the target"


class ResourceError(QuperSyncError):
    """A server ran out of disk, memory or connections, or this process of memory."""

    code = "resource-exhausted"
    kind = Kind.RESOURCE
    retryable = True
    hint = "make room on the server that is named, or run fewer jobs at once: --jobs 1"


class TimeLimitError(QuperSyncError):
    """The job took longer than its time limit."""

    code = "timeout"
    kind = Kind.TIMEOUT
    retryable = True
    hint = "raise the timeout of JOB, or give it a shorter chunk, then: qupersync run JOB"
