"""What the application needs of PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from qupersync.domain.batch import Reject
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.gap import Gap
from qupersync.domain.job import Job
from qupersync.domain.likeness import Likeness
from qupersync.domain.ports.records import Doubt, Lease, Leases, PastRuns, RunLog, State
from qupersync.domain.ports.unit import Terms, Unit
from qupersync.domain.row_check import Block
from qupersync.domain.verdict import Content, Coverage
from qupersync.domain.watermark import Point, WatermarkType, Window


class Table(Protocol):
    """A job's target table, checked to fit the job, and held by a lease."""

    @property
    def watermark_type(self) -> WatermarkType | None:
        """Return the type of the watermark column; None without one, or if it can be none."""

    def columns(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        """Return the columns to load from a query that returns ``names``.

        Raises:
            ColumnMissingError: a column of the key or the watermark is not among them.
        """

    def merge_statement(
        self, block: Block, late: Window | None, *, is_raw: bool, keeps_newer: bool
    ) -> str:
        """Return, for people, the statement with which ``Unit.merge`` would load such rows.

        With ``is_raw`` as the bytes that came, none of their keys more than once.
        """

    def is_empty(self) -> bool:
        """Tell whether the table holds no row."""

    def state(self) -> State:
        """Return the job's watermark and batch number."""

    def newest_before(self, point: Point) -> Point | None:
        """Return the newest watermark value of a row before ``point``, None if there is none."""

    def note_look(self, kept: timedelta | None, gap: Gap | None) -> None:
        """Remember how long the source keeps rows, and a gap until somebody acknowledges it.

        Raises:
            LeaseLostError: the lease is another's.
        """

    def unsettled_gaps(self) -> Sequence[Gap]:
        """Return the gaps that turn out to be none if rows were stamped anew: noted, not judged."""

    def settle(self, gap: Gap, *, is_gap: bool) -> None:
        """Keep an unsettled gap for good, or forget one that turned out to be none.

        Raises:
            LeaseLostError: the lease is another's.
        """

    def adopt(self) -> None:
        """Make the table the job's own; what is remembered of another one is forgotten."""

    def correct(self, watermark: Point | None, by: str) -> None:
        """Set the watermark, or forget it, on somebody's word, and remember whose that was.

        Raises:
            LeaseLostError: the lease is another's.
        """

    def unit(self, terms: Terms) -> AbstractContextManager[Unit]:
        """Open a transaction that begins with the fence; leaving by error rolls back.

        Raises:
            LeaseLostError: the lease is another's.
        """

    def staged(
        self, blocks: Iterator[Block], terms: Terms
    ) -> AbstractContextManager[Iterator["Staged"]]:
        """Yield the batches in their order; each must be stored before the next but one is taken.

        Some of them are staged while the one before is stored. What was not stored in the end of
        the block is rolled back.
        """


class Staged(Protocol):
    """A batch that is about to be stored; it may be on its way into staging already."""

    @property
    def block(self) -> Block:
        """The batch."""

    @property
    def table(self) -> Table:
        """The job's table, over the connection on which the batch is stored."""

    def unit(self) -> AbstractContextManager[tuple[Unit, list[Reject]]]:
        """Open its transaction as ``Table.unit`` does, its rows staged as ``Unit.stage`` does.

        May be called again after a ``ConflictError``.
        """


class Target(Protocol):
    """The target, for one job."""

    @property
    def leases(self) -> Leases:
        """Leases over this connection."""

    @property
    def runs(self) -> RunLog:
        """The run log over this connection."""

    @property
    def past(self) -> PastRuns:
        """What the run log remembers, over this connection."""

    def abort(self) -> None:
        """Cancel the statement that runs now, from any thread; harmless if none does."""

    def is_at_work(self) -> bool:
        """Tell whether somebody waits for the target, or has done so lately; from any thread."""

    def require_ready(self, jobs: Sequence[Job]) -> None:
        """Make sure that the schema fits this version and no target belongs to another job.

        Raises:
            RevisionError: it does not fit; says which command repairs it.
            ConfigError: another job owns a target.
        """

    def outcome(self, doubt: Doubt, wait: Callable[[float], bool]) -> bool | None:
        """Find out whether a commit without an answer counts; None if nobody can tell.

        A session that still holds the transaction is ended. ``wait`` waits some seconds, and
        tells whether to give up.
        """

    def look(self, job: Job) -> Table:
        """Return the job's table without a lease: it can be read, and nothing written.

        Raises: as ``table`` does.
        """

    def table(self, job: Job, lease: Lease) -> Table:
        """Check that the job's table fits.

        Raises:
            TargetMismatchError: it is missing, no table, lacks the key's unique index or a
                column, or a column has another type.
            PermissionDeniedError: a right on it is missing.
        """


class Copy(Protocol):
    """The target's side of a proof: it only reads."""

    @property
    def table(self) -> Table:
        """The job's table, without a lease."""

    def coverage(self, kept: Point | None) -> Coverage:
        """Return what the ledger says was read; what is older than ``kept`` is of no interest."""

    def open_rejects(self) -> int:
        """Return how many of the job's rows are set aside and wait."""

    def contents(self, likeness: Likeness, windows: Sequence[Window]) -> Mapping[Window, Content]:
        """Return what each window holds of the table's rows; one without rows is left out."""
