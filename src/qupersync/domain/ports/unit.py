"""One fenced transaction in the target, and what goes in and comes out of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from qupersync.domain.batch import Reject, Tally
from qupersync.domain.lateness import Lateness
from qupersync.domain.observed import Observed
from qupersync.domain.row_check import Block
from qupersync.domain.run import Run
from qupersync.domain.visibility import Visibility
from qupersync.domain.watermark import Point, Window


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to find out of staged watermarks.

    A row is open if it is not settled, not older than ``patience`` and inside the window; it is
    given up if it fell behind ``patience`` since the watermark was ``before``.
    """

    window: Window
    patience: Point | None
    before: Point | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a unit loads, how, and at what it will ``look``.

    It may idle for ``idle_limit_s`` seconds. With ``keeps_newer`` a row of the target that has a
    later watermark value stays as it is, with ``keeps_same`` one that has the same value too.
    """

    columns: tuple[str, ...]
    idle_limit_s: float
    look: Look | None = None
    keeps_newer: bool = False
    keeps_same: bool = False


class Unit(Protocol):
    """One fenced transaction in the target: all of it is stored, or nothing."""

    def stage(self, block: Block) -> list[Reject]:
        """Bring rows into staging; return those that break a rule or that the database refused."""

    def observe(self) -> Observed:
        """Look at the staged watermarks, as the terms say."""

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

    def close(self, run: Run) -> Run:
        """Store that the run has succeeded and let the next holder in; return what is stored.

        The last statement of a run's last transaction, so that the record and the rows agree.
        """

    def commit(self, entry: Entry) -> None:
        """Write the ledger, count the batch, move the watermark if given; the last statement.

        Raises:
            LeaseLostError: another holder wrote in between.
        """
