"""What the target remembers beside the rows: leases, state, runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from qupersync.domain.errors import TargetUnavailableError
from qupersync.domain.job import Job
from qupersync.domain.past_run import PastRun
from qupersync.domain.run import Run, Trigger
from qupersync.domain.visibility import Visibility
from qupersync.domain.watermark import Point


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A commit whose answer never came: its transaction, and the connection that it was on.

    ``ended`` is the run as the commit would have closed it.
    """

    xid: str
    pid: int
    ended: Run | None = None


class InDoubtError(TargetUnavailableError):
    """The connection broke while a commit was under way: nobody knows yet whether it counts."""

    code = "commit-unknown"
    hint = "nothing to do: the next attempt or run finds out, and stores nothing twice"

    def __init__(self, message: str, doubt: Doubt) -> None:
        super().__init__(message)
        self.doubt = doubt


class Leases(Protocol):
    """Who works on what, kept in the target."""

    def claim(self, job: Job, owner: UUID) -> Lease | None:
        """Take the job unless another holder is alive; close what a dead holder left open."""

    def renew(self, lease: Lease) -> None:
        """Renew the lease at once.

        Raises:
            LeaseLostError: another took the job over.
        """

    def release(self, lease: Lease) -> None:
        """Let the next holder in at once; harmless if the lease is lost."""

    def holder(self, job: Job) -> str:
        """Return who works on the job now and since when, in words; empty if nobody does."""


class RunLog(Protocol):
    """The record of every run, kept in the target."""

    def open(self, run: Run) -> Run:
        """Store a run as it starts, or as it ended if it was skipped; return what is stored.

        Its times are the target's: this machine's clock may be wrong. One that was stored before,
        in a commit without an answer, may have ended by now.
        """

    def note_progress(self, run: Run) -> None:
        """Store the window and the number of the attempt, for the case that nobody closes the run.

        Raises:
            LeaseLostError: somebody has closed it, which only the next holder may do.
        """

    def note_failure(self, run: Run, ago: timedelta) -> None:
        """Store an attempt that failed so long ago, and the wait before the next; once only."""

    def close(self, run: Run) -> Run:
        """Store how a run ended and return what is stored; one that somebody closed stays so.

        That may have been its own commit, whose answer was lost, or the next holder of the job.

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
