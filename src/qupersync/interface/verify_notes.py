"""What verify says of a job beside its line: why, what is missing, and what to type next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from qupersync.domain.run import Run, Trigger
from qupersync.domain.verdict import Verdict
from qupersync.domain.watermark import Point, Window, canonical
from qupersync.interface import advice
from qupersync.interface.tables import point

MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Notes:
    """What a person reads of one job's verdict, under its line of the table."""

    verdict: Verdict
    zone: tzinfo
    is_repaired: bool

    def lines(self) -> Iterator[str]:
        """Say why there is no proof, what is missing, and what to type next."""
        verdict = self.verdict
        if verdict.reason:
            yield f"not verifiable: {advice.one_line(verdict.reason)}"
        if not (verdict.reason or verdict.windows):
            yield "the source holds no row to compare"
        if verdict.left_out:
            yield f"not compared, for both sides write them differently: {_few(verdict.left_out)}"
        yield from self._holes()
        yield from self._differences()
        yield from self._repairs()

    def _repairs(self) -> Iterator[str]:
        runs = self.verdict.repairs
        again = [run for run in runs if run.trigger is Trigger.VERIFY]
        for run in runs:
            if run not in again:
                yield f"it was run first: {_changes([run])}"
        if again:
            yield f"{len(again)} windows were read again: {_changes(again)}"
        for run in runs:
            if why := run.error or run.error_code:
                yield f"a repair ended {run.status}: {advice.one_line(why)}"

    def _holes(self) -> Iterator[str]:
        lost = [hole for hole in self.verdict.holes if self.verdict.is_lost(hole)]
        left = [hole for hole in self.verdict.holes if hole not in lost]
        if left:
            yield f"nobody has read {self._few(left)} -> {self._repair()}"
        if lost:
            first = "" if self.is_repaired else f"{self._repair()}, and "
            yield (
                f"nobody has read {self._few(lost)}, and the source holds it no longer -> "
                f"{first}once you know what is missing: {self._acknowledge()}"
            )

    def _differences(self) -> Iterator[str]:
        verdict, found = self.verdict, self.verdict.differences
        if not found:
            return
        yield f"{len(found)} of {len(verdict.windows)} windows differ -> {self._advice()}"
        for difference in found[:MOST_LINES]:
            one, other = difference.source.rows, difference.target.rows
            yield f"{self._named(difference.window)}: {one} rows at the source, {other} here"
        if found[MOST_LINES:]:
            yield f"{len(found) - MOST_LINES} more windows: -o json has them all"
        if verdict.open_rejects:
            hint = f"qupersync rejects list {verdict.job}"
            yield f"{verdict.open_rejects} rejected rows may be why -> {hint}"
        if verdict.newer:
            yield (
                f"{verdict.newer} rows came or changed after the last run, which may be why -> "
                f"qupersync run {verdict.job}, and then verify it again"
            )

    def _advice(self) -> str:
        if self.verdict.repairs and self.verdict.newer:
            return "try it again when less changes at the source"
        if self.verdict.repairs:
            return "look at them: what is gone from the source stays here, also after a repair"
        return self._repair()

    def _repair(self) -> str:
        job = self.verdict.job
        if self.is_repaired:
            return f"qupersync history {job}; if it was read again: {self._acknowledge()}"
        return f"qupersync verify {job} --repair"

    def _acknowledge(self) -> str:
        return f"qupersync watermark ack-gap {self.verdict.job}"

    def _few(self, windows: Sequence[Window]) -> str:
        return _few([self._named(window) for window in windows])

    def _named(self, window: Window) -> str:
        return f"{point(text(window.low), self.zone)} to {point(text(window.high), self.zone)}"


def _changes(runs: Sequence[Run]) -> str:
    new = sum(run.tally.inserted for run in runs)
    return f"{new} rows new, {sum(run.tally.updated for run in runs)} changed"


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST_LINES
    return ", ".join(names[:MOST_LINES]) + (f" and {more} more" if more > 0 else "")


def text(end: Point | None) -> str | None:
    """Return an end of a window as a canonical text, None for one that is open."""
    return None if end is None else canonical(end)
