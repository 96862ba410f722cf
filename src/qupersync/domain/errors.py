"""Every expected failure, with a stable code, whether a retry helps, and the next command."""

from dataclasses import dataclass, field

from qupersync.domain.error_kinds import Kind, QuperSyncError
from qupersync.domain.server_errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    ResourceError,
    RowsRefusedError,
    SourceUnavailableError,
    StatementError,
    TargetMismatchError,
    TargetUnavailableError,
    TimeLimitError,
    UnavailableError,
)

__all__ = [
    "BugError", "CanceledError", "ColumnMissingError", "ConfigError", "ConflictError",
    "DeletionGuardError", "DriverUnknownError", "Kind", "LeaseHeldError", "LeaseLostError",
    "LoginRefusedError", "PermissionDeniedError", "Problem", "QueryError", "QuperSyncError",
    "ResourceError", "RevisionError", "RowAccountingError", "RowsRefusedError", "SelectionError",
    "SourceUnavailableError", "SpanError", "StateMissingError", "StatementError", "StoppedError",
    "TargetMismatchError", "TargetUnavailableError", "TimeLimitError", "TooManyRejectsError",
    "UnavailableError",
]  # fmt: skip


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
    kind = Kind.CONFIG
    hint = "repair the lines named, then: qupersync validate"

    def __init__(
        self, message: str = "", *, problems: tuple[Problem, ...] = (), hint: str = ""
    ) -> None:
        lines = [str(problem) for problem in problems]
        super().__init__("\n".join([message, *lines] if message else lines), hint=hint)
        self.problems = problems


class DriverUnknownError(QuperSyncError):
    """The installed driver of Redshift is not one that this version can read through."""

    code = "driver-unknown"
    kind = Kind.CONFIG
    hint = "pip install 'redshift_connector>=2.2,<2.3'"


class SelectionError(QuperSyncError):
    """The selection matches no job."""

    code = "selection-empty"
    kind = Kind.CONFIG
    hint = "qupersync list"


class SpanError(QuperSyncError):
    """The job has nothing to read in the span of time that was asked for."""

    code = "span-invalid"
    kind = Kind.CONFIG
    hint = "name another span, or look what there is: qupersync watermark show"


class RevisionError(QuperSyncError):
    """The target's schema is not at the revision this version needs."""

    code = "schema-revision"
    kind = Kind.SCHEMA
    hint = "qupersync db upgrade"


class ColumnMissingError(QuperSyncError):
    """The query's result lacks a column that the job needs."""

    code = "column-missing"
    kind = Kind.SCHEMA
    hint = "add the column to the query, or take it out of the job's columns"


class LeaseLostError(QuperSyncError):
    """Another run took the lease over; nothing of this batch was stored."""

    code = "lease-lost"
    kind = Kind.LEASE
    retryable = True
    hint = "nothing to do: the run that took over has the job"


class LeaseHeldError(QuperSyncError):
    """Another run holds the job."""

    code = "lease-held"
    kind = Kind.LEASE
    hint = "wait for the run that holds the job: qupersync status"


class RowAccountingError(QuperSyncError):
    """The database's row counts do not add up; the batch was rolled back."""

    code = "row-accounting"
    kind = Kind.SCHEMA
    hint = "look for a trigger or rule on the target that swallows rows"


class TooManyRejectsError(QuperSyncError):
    """More rows were rejected than the job allows."""

    code = "too-many-rejects"
    kind = Kind.ROW
    hint = "repair them at the source, or raise max_rejects and then: qupersync rejects list JOB"


class DeletionGuardError(QuperSyncError):
    """The snapshot would delete more rows than the job allows."""

    code = "max-delete"
    kind = Kind.STATE
    hint = "qupersync run JOB --allow-deletes, if the rows are really gone"


class StateMissingError(QuperSyncError):
    """The target holds rows but the job has no watermark."""

    code = "state-missing"
    kind = Kind.STATE
    hint = "qupersync run JOB --from-initial"


class StoppedError(QuperSyncError):
    """The run was asked to stop and ended in order."""

    code = "stopped"
    kind = Kind.STOPPED
    hint = "nothing to do: the next run goes on from here"


class CanceledError(StoppedError):
    """Somebody canceled the run: qupersync cancel."""

    code = "canceled"
    hint = "what it had committed stays; to go on from there: qupersync retry"


class BugError(QuperSyncError):
    """A bug in QuperSync."""

    code = "bug"
    kind = Kind.BUG
    hint = "please report it with the log of this run"

    @classmethod
    def naming(cls, error: BaseException) -> "BugError":
        """Name the exception by its class: its text may hold a row's values."""
        return cls(f"a bug in QuperSync: {type(error).__name__}")
