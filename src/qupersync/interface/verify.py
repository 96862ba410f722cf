"""The command verify: a line for each job, what to type next, and an exit code for all."""

from collections.abc import Callable, Sequence

import typer

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.verify import verified
from qupersync.bootstrap.working import Listener
from qupersync.domain.run import Run, Trigger
from qupersync.domain.verdict import Proof, Verdict
from qupersync.domain.watermark import Window, canonical
from qupersync.interface import documents
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import SIGNAL_BASE, ExitCode
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, show
from qupersync.interface.running import answer, report_of
from qupersync.interface.text import say
from qupersync.interface.verify_notes import Notes, text


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
    if output is not Output.JSON:
        show([_line(verdict) for verdict in verdicts], COLUMNS, output, zone)
    for verdict in verdicts:
        for note in Notes(verdict, zone, is_repaired=repair).lines():
            say(f"{verdict.job}: {note}")
    code = SIGNAL_BASE + signal if signal else _code(verdicts, names)
    if output is Output.JSON:
        answer([document(verdict) for verdict in verdicts], code)
    raise typer.Exit(code)


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
    return {"low": canonical(window.low), "high": text(window.high)}


def _code(verdicts: Sequence[Verdict], names: Sequence[str]) -> ExitCode:
    is_well = all(_is_well(verdict, names) for verdict in verdicts)
    return ExitCode.OK if is_well else ExitCode.FAILED


def _is_well(verdict: Verdict, names: Sequence[str]) -> bool:
    return verdict.proof is Proof.OK or (verdict.by_nature and verdict.job not in names)


def _told(run: Run) -> None:
    is_window = run.trigger is Trigger.VERIFY
    say(f"{run.job}: {'reading a window again' if is_window else 'running it first'}")
