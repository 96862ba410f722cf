"""What a comparison of source and target proved about one job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, Window, before, earliest, latest


class Proof(StrEnum):
    """The verdict in one word."""

    OK = "ok"
    HOLES = "holes"
    DIFFERS = "differs"
    UNVERIFIABLE = "not verifiable"


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a window has on one side, and the sum of their hashes."""

    rows: int = 0
    hash: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the ledger says was read: from ``low`` up to the watermark, but for ``holes``.

    ``low`` is None if nothing was read. A gap that nobody acknowledged is a hole.
    """

    low: Point | None
    holes: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A window that does not hold the same rows on both sides."""

    window: Window
    source: Content
    target: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one job.

    ``reason`` says why nothing could be proved, ``by_nature`` that this will always be so.
    ``oldest`` is the source's oldest row; ``rows`` those of the source in the ``windows`` that
    were compared; ``left_out`` the columns that were not. ``newer`` counts, where windows differ,
    the rows that came or changed at the source after all that was read. ``repairs`` are the runs
    of a repair: one as usual, and those that read windows again.
    """

    job: str
    reason: str = ""
    by_nature: bool = False
    oldest: Point | None = None
    windows: tuple[Window, ...] = ()
    rows: int = 0
    holes: tuple[Window, ...] = ()
    differences: tuple[Difference, ...] = ()
    newer: int = 0
    left_out: tuple[str, ...] = ()
    open_rejects: int = 0
    repairs: tuple[Run, ...] = ()

    @property
    def proof(self) -> Proof:
        """Return the verdict; rows that differ weigh more than a span that nobody read."""
        if self.reason:
            return Proof.UNVERIFIABLE
        if self.differences:
            return Proof.DIFFERS
        return Proof.HOLES if self.holes else Proof.OK

    @property
    def compared(self) -> Window | None:
        """Return the stretch that the windows make up together, None without any."""
        return Window(self.windows[0].low, self.windows[-1].high) if self.windows else None

    def is_lost(self, hole: Window) -> bool:
        """Tell whether the source holds nothing of a hole any more."""
        return next(since(self.oldest, [hole]), None) is None

    def lost(self) -> Iterator[Window]:
        """Yield the parts of holes that the source holds no longer."""
        for hole in self.holes:
            high = hole.high if self.oldest is None else earliest(hole.high, self.oldest)
            if high is not None and before(hole.low, high):
                yield Window(hole.low, high)

    def repairable(self) -> Iterator[Window]:
        """Yield the windows that a run may read again: holes first, each stretch once."""
        holes = list(since(self.oldest, self.holes))
        yield from holes
        for difference in self.differences:
            window = difference.window
            if not any(_within(window, hole) for hole in holes):
                yield window


def since(oldest: Point | None, windows: Iterable[Window]) -> Iterator[Window]:
    """Yield what of the windows is not older than the source's oldest row; nothing without one."""
    for window in windows if oldest is not None else ():
        low = latest(oldest, window.low)
        if window.high is not None and before(low, window.high):
            yield Window(low, window.high)


def _within(inner: Window, outer: Window) -> bool:
    if inner.high is None or outer.high is None:
        return False
    return not (before(inner.low, outer.low) or before(outer.high, inner.high))
