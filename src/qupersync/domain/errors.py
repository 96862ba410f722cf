"""Every expected failure, with a stable code, whether a retry helps, and the next command."""

from dataclasses import dataclass, field


class QuperSyncError(Exception):
    """Something failed that QuperSync knows by name.

    The class docstring is the default message for the operator. Texts never hold a row's
    values, SQL parameters or connection strings.
    """

    code = "error"
    retryable = False
    hint: str = ""
    sqlstate: str = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])
        self.hint = hint or self.hint


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where it is (1-based), what is wrong, and the line itself if known."""

    file: str
    line: int
    column: int
    message: str
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ConfigError(QuperSyncError):
    """The configuration is invalid; nothing was tried."""

    code = "config-invalid"
    hint = "repair the lines named, then: qupersync validate"

    def __init__(
        self, message: str = "", *, problems: tuple[Problem, ...] = (), hint: str = ""
    ) -> None:
        lines = [str(problem) for problem in problems]
        super().__init__("\n".join([message, *lines] if message else lines), hint=hint)
        self.problems = problems


class SelectionError(QuperSyncError):
    """The selection matches no job."""

    code = "selection-empty"
    hint = "qupersync list"


class SpanError(QuperSyncError):
    """The job has nothing to read in the span of time that was asked for."""

    code = "span-invalid"
    hint = "name another span, or look what there is: qupersync watermark show"


class UnavailableError(QuperSyncError):
    """A server could not be reached or dropped the connection."""

    code = "unavailable"
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
    """A server refused the user, the password or the database."""

    code = "login-refused"
    hint = "check the USER, PASSWORD and DB of REDSHIFT_ or POSTGRES_: qupersync config show"


class PermissionDeniedError(QuperSyncError):
    """The user lacks a right."""

    code = "permission-denied"
    hint = "grant the right named: qupersync doctor and docs/grants.sql have all of them"


class RevisionError(QuperSyncError):
    """The target's schema is not at the revision this version needs."""

    code = "schema-revision"
    hint = "qupersync db upgrade"


class QueryError(QuperSyncError):
    """The source refused the job's SQL."""

    code = "query-failed"
    hint = "try it with: qupersync plan JOB; once it is repaired: qupersync retry"


class TargetMismatchError(QuperSyncError):
    """The target table does not fit the job."""

    code = "target-mismatch"
    hint = "alter the table or the job, or make a new table with: qupersync db create JOB"


class ColumnMissingError(QuperSyncError):
    """The query's result lacks a column that the job needs."""

    code = "column-missing"
    hint = "add the column to the query, or take it out of the job's columns"


class StatementError(QuperSyncError):
    """The target refused a statement."""

    code = "target-refused"
    hint = "look at PostgreSQL's log for the statement"


class RowsRefusedError(QuperSyncError):
    """The target refused at least one row of a block; which one is still to be found."""

    code = "rows-refused"
    hint = "look for a second unique index on the target: two rows of the batch refuse each other"

    def __init__(self, message: str, *, sqlstate: str = "", column: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.column = column


class ConflictError(QuperSyncError):
    """Another session was in the way; the same batch may succeed at once."""

    code = "conflict"
    retryable = True
    hint = "run it again; if it stays, look for another program that writes to the target"


class ResourceError(QuperSyncError):
    """A server ran out of disk, memory or connections."""

    code = "resource-exhausted"
    retryable = True
    hint = "make room on the server that is named, or run fewer jobs at once"


class TimeLimitError(QuperSyncError):
    """The job took longer than its time limit."""

    code = "timeout"
    retryable = True
    hint = "raise the job's timeout, or give it a shorter chunk"


class LeaseLostError(QuperSyncError):
    """Another run took the lease over; nothing of this batch was stored."""

    code = "lease-lost"
    retryable = True
    hint = "nothing to do: the run that took over has the job"


class LeaseHeldError(QuperSyncError):
    """Another run holds the job."""

    code = "lease-held"
    hint = "wait for the run that holds the job: qupersync status"


class RowAccountingError(QuperSyncError):
    """The database's row counts do not add up; the batch was rolled back."""

    code = "row-accounting"
    hint = "look for a trigger or rule on the target that swallows rows"


class TooManyRejectsError(QuperSyncError):
    """More rows were rejected than the job allows."""

    code = "too-many-rejects"
    hint = "repair them at the source, or raise max_rejects to keep them in quper.sync_rejects"


class DeletionGuardError(QuperSyncError):
    """The snapshot would delete more rows than the job allows."""

    code = "max-delete"
    hint = "qupersync run JOB --allow-deletes, if the rows are really gone"


class StateMissingError(QuperSyncError):
    """The target holds rows but the job has no watermark."""

    code = "state-missing"
    hint = "qupersync run JOB --from-initial"


class StoppedError(QuperSyncError):
    """The run was asked to stop and ended in order."""

    code = "stopped"
    hint = "nothing to do: the next run goes on from here"


class BugError(QuperSyncError):
    """A bug in QuperSync."""

    code = "bug"
    hint = "please report it with the log of this run"

    @classmethod
    def naming(cls, error: BaseException) -> "BugError":
        """Name the exception by its class: its text may hold a row's values."""
        return cls(f"a bug in QuperSync: {type(error).__name__}")
