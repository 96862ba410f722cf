"""What a run sees in the watermark column, and what it may claim after that."""

from collections.abc import Iterator
from dataclasses import dataclass

from qupersync.domain.frontier import Frontier
from qupersync.domain.watermark import Point, Window, earliest, latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Counts of rows that a watermark cannot speak for, the oldest open row, the newest row."""

    missing: int = 0
    outside: int = 0
    given_up: int = 0
    oldest_open: Point | None = None
    newest: Point | None = None

    def __add__(self, other: "Observed") -> "Observed":
        oldest, newest = self.oldest_open, self.newest
        return Observed(
            missing=self.missing + other.missing,
            outside=self.outside + other.outside,
            given_up=self.given_up + other.given_up,
            oldest_open=oldest
            if other.oldest_open is None
            else earliest(oldest, other.oldest_open),
            newest=newest if other.newest is None else latest(newest, other.newest),
        )

    def mark(self, window: Window, frontier: Frontier, before: Point | None) -> Point | None:
        """Return the watermark once all of ``window`` is stored.

        It is the window's end, or the newest number; an open row holds it back, also one of an
        earlier window; and it never moves behind ``before``.
        """
        claim = self.newest
        if window.high is not None and frontier.claim is not None:
            claim = earliest(window.high, frontier.claim)
        if claim is None:
            return before
        return latest(before, earliest(self.oldest_open, claim))

    def warnings(self) -> Iterator[str]:
        """Yield what people should know."""
        if self.missing:
            yield f"{self.missing} rows without a watermark value were loaded"
        if self.outside:
            yield (
                f"{self.outside} rows outside the window were loaded; "
                "they do not move the watermark"
            )
        if self.given_up:
            yield f"{self.given_up} rows were not settled within max_hold and are not waited for"
