"""What the application needs of the outside world: the only promises that adapters keep."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from qupersync.domain.batch import Batch, Checked, Reject, Row, Tally
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.gap import Gap
from qupersync.domain.job import Flavor, Job
from qupersync.domain.lateness import Lateness
from qupersync.domain.likeness import Form, Likeness
from qupersync.domain.observed import Observed
from qupersync.domain.past_run import PastRun
from qupersync.domain.run import Run, Trigger
from qupersync.domain.verdict import Content, Coverage
from qupersync.domain.visibility import Visibility
from qupersync.domain.watermark import Point, WatermarkType, Window

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


class Stop(Protocol):
    """Somebody's wish that all runs end in order."""

    def is_requested(self) -> bool:
        """Tell whether the wish was made."""

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until the wish is made; tell whether it was."""

    def interrupting(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``action``, from another thread, when the wish is made inside the block."""


class Source(Protocol):
    """One connection to the source, inside one read-only transaction at a time."""

    def clock(self) -> datetime:
        """Return the source's own time in UTC."""

    def flavor(self) -> Flavor:
        """Find out which kind of Redshift answers."""

    def rights(self) -> str:
        """Return which rights decide what this login sees, in words; ``unknown`` if refused."""

    def ask(self, sql: str, *, limit_s: float | None = None) -> Row:
        """Return the one row of a small query.

        Raises:
            QueryError: the source refused the text; the connection is as good as before.
            TimeLimitError: it took longer than ``limit_s`` seconds, and the connection is as good
                as before; or the job's time is over.
        """

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        """Yield the result in batches of at most ``batch_rows`` rows or 8 MiB; at least one.

        Memory does not grow with the result. Rows that cannot be decoded are marked in their
        batch and end nothing.

        Raises:
            QueryError: the source refused the text.
            SourceUnavailableError: the connection failed; nothing was read that counts.
            TimeLimitError: the job's time is over.
        """

    def abort(self) -> None:
        """Cut the connection, from any thread; a blocked read fails at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on one job: valid as long as the target still knows this fence."""

    source: str
    job: str
    fence: int
    owner: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the target remembers of a job.

    ``misfit`` says why the watermark does not speak of the job as it is now: it is of another
    table, column or type. Empty if it does. ``is_new`` says that no batch was ever committed under
    this state. ``reached`` is the end of the last successful run's
    window, ``kept`` how old the oldest row of the source was when it last had one, ``seen`` what
    the last snapshot saw that kept no row back, ``now`` the target's clock.
    ``is_corrected`` says that somebody set or reset the watermark, and no run has moved it since;
    ``lost_until`` is the end of the gap that was noted last.
    """

    watermark: Point | None
    is_new: bool
    now: datetime
    misfit: str = ""
    reached: Point | None = None
    kept: timedelta | None = None
    is_corrected: bool = False
    lost_until: Point | None = None
    seen: Visibility | None = None


class Leases(Protocol):
    """Who works on what, kept in the target."""

    def claim(self, job: Job, owner: UUID) -> Lease | None:
        """Take the job unless another holder is alive; close what a dead holder left open."""

    def release(self, lease: Lease) -> None:
        """Let the next holder in at once; harmless if the lease is lost."""

    def holder(self, job: Job) -> str:
        """Return who works on the job now and since when, in words; empty if nobody does."""


class RunLog(Protocol):
    """The record of every run, kept in the target."""

    def open(self, run: Run) -> Run:
        """Store a run as it starts, or as it ended if it was skipped; return what is stored.

        Its times are the target's: this machine's clock may be wrong.
        """

    def note_window(self, run: Run) -> None:
        """Store the window as soon as it is frozen, for the case that nobody closes the run."""

    def close(self, run: Run) -> Run:
        """Store how a run ended and return what is stored; one that somebody closed stays so.

        The time is the target's, the counters are those of the committed batches.
        """


class PastRuns(Protocol):
    """What the run log remembers, of one source."""

    def find(self, run_id: UUID) -> PastRun | None:
        """Return a run of this source, None if there is none with this id."""

    def last(self, job: str, trigger: Trigger | None = None) -> PastRun | None:
        """Return the job's newest run that was not skipped, None if there is none.

        Without a ``trigger`` the successful ones of chosen windows do not count: they say nothing
        of the runs that are due.
        """

    def done(self, job: str, correlation_id: UUID) -> Sequence[PastRun]:
        """Return the job's successful runs of one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What the merge did, as the database counted it, and the rows that it refused."""

    tally: Tally
    rejects: tuple[Reject, ...] = ()
    lateness: Lateness = field(default_factory=Lateness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger: what a batch did to which window.

    ``mark`` is the watermark from now on and ``seen`` what to remember of a snapshot, None leaves
    them; ``completes`` says that all of the window is stored.
    """

    run: Run
    tally: Tally
    window: Window | None = None
    mark: Point | None = None
    completes: bool = False
    lateness: Lateness = field(default_factory=Lateness)
    seen: Visibility | None = None


class Unit(Protocol):
    """One fenced transaction in the target: all of it is stored, or nothing."""

    def stage(self, checked: Checked) -> list[Reject]:
        """Bring checked rows into staging; return those that the database refused."""

    def observe(self, window: Window, patience: Point | None, before: Point | None) -> Observed:
        """Look at the staged watermarks.

        A row is open if it is not settled, not older than ``patience`` and inside the window;
        it is given up if it fell behind ``patience`` since the watermark was ``before``.
        """

    def merge(self, late: Window | None = None) -> Merged:
        """Fold repeated keys, write new and different rows, leave unchanged ones alone.

        New rows inside ``late`` are measured by how far they lie behind its end.

        Raises:
            RowAccountingError: the database wrote another number of rows than it set out to.
        """

    def seen(self) -> tuple[int, int]:
        """Return how many rows are staged, and how many different owners they have.

        An owner is the key without its last column; of a key of one column each row is.
        """

    def missing(self) -> tuple[int, int]:
        """Return how many rows of the target have no staged key, and how many it has in all."""

    def owners_gone(self) -> int:
        """Return how many owners of the target's rows have no staged row."""

    def delete_missing(self) -> int:
        """Delete the target's rows that have no staged key."""

    def awaited(self, keys: Callable[[], Sequence[str]]) -> set[str]:
        """Return the keys that open rejects wait for; asks for ``keys`` only if there are any."""

    def supersede(self, keys: Collection[str]) -> None:
        """Mark the open rejects with these keys resolved: a good row with the key is loaded."""

    def set_aside(self, rejects: Sequence[Reject]) -> int:
        """Keep rejects, each once however often it is seen; return how many rows these are."""

    def delete_older(self, point: Point, *, at_most: int) -> int:
        """Delete rows whose watermark value lies before ``point``; return how many there were."""

    def commit(self, entry: Entry) -> None:
        """Write the ledger, count the batch, move the watermark if given; the last statement.

        Raises:
            LeaseLostError: another holder wrote in between.
        """


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
        self, columns: Sequence[str], late: Window | None, *, keeps_newer: bool
    ) -> str:
        """Return, for people, the statement with which ``Unit.merge`` would load these columns."""

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

    def unit(
        self, columns: Sequence[str], *, idle_limit_s: float, keeps_newer: bool = False
    ) -> AbstractContextManager[Unit]:
        """Open a transaction whose first statement is the fence; leaving by error rolls back.

        With ``keeps_newer`` a row of the target that has a later watermark value stays as it is.

        Raises:
            LeaseLostError: the lease is another's.
        """


class Target(Protocol):
    """One connection to the target, for one job."""

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

    def require_ready(self, jobs: Sequence[Job]) -> None:
        """Make sure that the schema fits this version and no target belongs to another job.

        Raises:
            RevisionError: it does not fit; says which command repairs it.
            ConfigError: another job owns a target.
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


class Heartbeat(Protocol):
    """What keeps leases alive while their holders work."""

    def beating(self, lease: Lease, limit_s: float) -> AbstractContextManager[None]:
        """Renew the lease again and again inside the block, for ``limit_s`` seconds at most.

        After that the holder counts as stuck, and another may take the job over.
        """


class Original(Source, Protocol):
    """The source's side of a proof: it only reads, also with a query that would write."""

    def forms(self, sql: str) -> Mapping[str, Form | None]:
        """Return the columns of a query's result and the form of each; None for other types."""

    def contents(
        self, sql: str, likeness: Likeness, windows: Sequence[Window]
    ) -> Mapping[Window, Content]:
        """Return what each window holds of the query's rows; one without rows is left out.

        Of each key only the row with the greatest watermark counts, with its target values.

        Raises:
            QueryError: the source cannot wrap the query.
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
