"""The command verify: a line for each job, what to type next, and an exit code for all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import typer

from qupersync.bootstrap import Listener, open_app
from qupersync.bootstrap.verify import verified
from qupersync.domain.run import Run, Trigger
from qupersync.domain.verdict import Proof, Verdict
from qupersync.domain.watermark import Point, Window, canonical
from qupersync.interface import advice, documents
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import SIGNAL_BASE, ExitCode
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, show, show_document
from qupersync.interface.running import report_of
from qupersync.interface.tables import point
from qupersync.interface.text import say

MOST_LINES = 5


def _cell(name: str) -> Callable[[Record], str]:
    return lambda record: "-" if record[name] is None else str(record[name])


COLUMNS = (
    Column("job", _cell("job")),
    Column("state", _cell("state")),
    *(Column(name, _cell(name), is_number=True) for name in ("windows", "rows", "holes")),
    Column("differ", _cell("differing"), is_number=True),
)


def verify(files: Files, names: Sequence[str], output: Output, *, repair: bool) -> None:
    """Show what is proved; exit 1 if it is not everything, or 128 and the signal that ended it."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    zone = app.settings.sync.time_zone
    listener = Listener(on_begin=_told, on_step=report_of(app, quiet=False).stepped)
    verdicts, signal = verified(app, names, repair=repair, listener=listener)
    if output is Output.JSON:
        show_document([document(verdict) for verdict in verdicts])
    else:
        show([_line(verdict) for verdict in verdicts], COLUMNS, output, zone)
    for verdict in verdicts:
        for note in _Notes(verdict, zone, is_repaired=repair).lines():
            say(f"{verdict.job}: {note}")
    if signal:
        raise typer.Exit(SIGNAL_BASE + signal)
    if not all(_is_well(verdict, names) for verdict in verdicts):
        raise typer.Exit(ExitCode.FAILED)


def document(verdict: Verdict) -> Record:
    """Return all that is known of one job.

    ``state`` is ok, holes, differs or not verifiable, with a ``reason``; ``windows`` is how many
    were compared, together ``compared``, and ``rows`` what the source holds there; ``newer_rows``
    are, where windows differ, rows that came or changed after the last run. Ends are canonical
    texts; a ``hash`` is a text too, for it may be longer than a number in JSON should
    be. ``repairs`` are runs as ``run -o json`` tells them.
    """
    return {
        "job": verdict.job,
        "state": verdict.proof.value,
        "reason": verdict.reason or None,
        "windows": None if verdict.reason else len(verdict.windows),
        "rows": None if verdict.reason else verdict.rows,
        "compared": verdict.compared and _ends(verdict.compared),
        "holes": [_ends(hole) | {"is_lost": verdict.is_lost(hole)} for hole in verdict.holes],
        "differences": [
            _ends(difference.window)
            | {
                side: {"rows": content.rows, "hash": str(content.hash)}
                for side, content in (("source", difference.source), ("target", difference.target))
            }
            for difference in verdict.differences
        ],
        "newer_rows": verdict.newer,
        "columns_left_out": list(verdict.left_out),
        "open_rejects": verdict.open_rejects,
        "repairs": [documents.of_run(run) for run in verdict.repairs],
    }


def _line(verdict: Verdict) -> Record:
    counts: dict[str, int | None] = {
        "windows": len(verdict.windows),
        "rows": verdict.rows,
        "holes": len(verdict.holes),
        "differing": len(verdict.differences),
    }
    if verdict.reason:
        counts = dict.fromkeys(counts)
    return {"job": verdict.job, "state": verdict.proof.value, **counts}


def _ends(window: Window) -> Record:
    return {"low": canonical(window.low), "high": _text(window.high)}


def _text(end: Point | None) -> str | None:
    return None if end is None else canonical(end)


def _is_well(verdict: Verdict, names: Sequence[str]) -> bool:
    return verdict.proof is Proof.OK or (verdict.by_nature and verdict.job not in names)


def _told(run: Run) -> None:
    is_window = run.trigger is Trigger.VERIFY
    say(f"{run.job}: {'reading a window again' if is_window else 'running it first'}")


@dataclass(frozen=True, slots=True)
class _Notes:
    verdict: Verdict
    zone: tzinfo
    is_repaired: bool

    def lines(self) -> Iterator[str]:
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
        return f"{point(_text(window.low), self.zone)} to {point(_text(window.high), self.zone)}"


def _changes(runs: Sequence[Run]) -> str:
    new = sum(run.tally.inserted for run in runs)
    return f"{new} rows new, {sum(run.tally.updated for run in runs)} changed"


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST_LINES
    return ", ".join(names[:MOST_LINES]) + (f" and {more} more" if more > 0 else "")
