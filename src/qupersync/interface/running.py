"""The command run: one pass over some jobs, told as it goes, and its exit code."""

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import typer

from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.machine import process
from qupersync.bootstrap.passes import Outcome, RunOptions
from qupersync.bootstrap.working import Listener
from qupersync.domain.errors import QuperSyncError, SelectionError
from qupersync.domain.run import Run, Status
from qupersync.interface import advice, documents, exit_codes, failures, pinging, progress, tables
from qupersync.interface.next_command import tell_next
from qupersync.interface.options import Files
from qupersync.interface.render import draw, show_document
from qupersync.interface.text import say, spent, visible

logger = logging.getLogger(__name__)
# All is done and recorded by then; a reader of what only shows, perhaps a pager, has all the time.
READ_S = 10.0
_AT_EASE = frozenset({Status.SUCCESS, Status.SKIPPED})


def require_selection(
    names: Sequence[str], tags: Sequence[str], *, every: bool, allow_deletes: bool
) -> None:
    """Make sure that the command line says which jobs it means.

    Raises:
        SelectionError: it names none, or both all and some, or allows deletes in no named job.
    """
    if not (every or names or tags):
        raise SelectionError("no job is named", hint="qupersync run --all, or qupersync run JOB")
    if every and (names or tags):
        raise SelectionError("--all goes with no name and no --tag", hint="leave one of them out")
    if allow_deletes and (every or tags):
        hint = "qupersync run JOB --allow-deletes"
        raise SelectionError("--allow-deletes goes with named jobs only", hint=hint)


def run(
    files: Files, options: RunOptions, *, held_is_failure: bool, quiet: bool, as_json: bool
) -> None:
    """Run the selected jobs and exit with the code of what became of them."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    if quiet:
        logging.getLogger().setLevel(logging.ERROR)
    report = report_of(app, quiet=quiet)
    with pinging.of_pass(app, options) as pings:
        listener = Listener(on_begin=pings.began, on_end=pings.after(report.ended))
        with report.told(listener) as told:
            outcome = app.run(options, told)
        conclude(outcome, held_is_failure=held_is_failure, quiet=quiet, as_json=as_json)


def conclude(
    outcome: Outcome,
    *,
    held_is_failure: bool,
    quiet: bool,
    as_json: bool,
    following: str = "qupersync status",
) -> NoReturn:
    """Say the rest, show the closing table or document, and exit with the pass's code.

    ``following`` is what to type next if all went well.
    """
    code = exit_codes.of_pass(
        outcome.runs,
        outcome.errors,
        refusal_code=outcome.refusal_code,
        signal=outcome.signal,
        held_is_failure=held_is_failure,
    )
    _complain(outcome, held_is_failure=held_is_failure)
    if as_json:
        answer(_summary(outcome, code), code)
    elif sys.stdout.isatty() and not quiet:
        if outcome.runs:
            draw([documents.of_run(run) for run in outcome.runs], tables.of_pass())
        if not code:  # else each failure has said what to do
            tell_next(following)
    raise typer.Exit(code)


def answer(document: object, code: int) -> None:
    """Write the JSON document of a whole pass to stdout, if it is read.

    Raises:
        typer.Exit: it cannot be written, or of a part of it nothing is read for ``READ_S``; said
            on stderr. With the pass's ``code``, unless all else went well.
    """
    try:
        show_document(document, READ_S)
    except typer.Exit as failed:
        raise typer.Exit(code or failed.exit_code) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Tells of each run as it ends: a line to people, a wide record to programs."""

    for_people: bool
    quiet: bool

    def told(self, listener: Listener) -> AbstractContextManager[Listener]:
        """Tell also of the runs under way inside the block, if it announces them."""

        def stepped(run: Run) -> None:
            listener.on_step(run)
            self.stepped(run)

        heard = replace(listener, on_step=stepped)
        return progress.told(heard, for_people=self.for_people, quiet=self.quiet)

    def stepped(self, run: Run) -> None:
        """Tell why an attempt has failed, if the run waits for the next one."""
        if run.backoff_ms is None:
            return
        if not self.for_people:
            logger.warning("attempt failed", extra=documents.of_attempt(run))
        elif not self.quiet:
            what = f"attempt {run.attempts} failed: {advice.one_line(run.error)}"
            say(f"{run.job}: {what}; the next one in {spent(run.backoff_ms)}")

    def ended(self, run: Run) -> None:
        """Tell of a run that has ended."""
        is_at_ease = run.status in _AT_EASE
        if not self.for_people:
            level = logging.INFO if is_at_ease else logging.ERROR
            logger.log(level, "run finished", extra=documents.of_run(run) | process())
        elif not (is_at_ease and self.quiet):
            say(_in_words(run))


def report_of(app: App, *, quiet: bool) -> Report:
    """Return what tells of runs in the way that the settings and the terminal ask for."""
    chosen = app.settings.sync.log_format
    for_people = chosen == "text" or (chosen == "auto" and sys.stderr.isatty())
    return Report(for_people=for_people, quiet=quiet)


def _in_words(run: Run) -> str:
    if run.error:
        hint = advice.about(run.error_code, run.job, run.hint)
        what = f"{advice.one_line(run.error)} -> {hint}"
    elif run.status is Status.SKIPPED:
        what = run.error_code
    else:
        counts = ", ".join(_counts(run))
        what = f"{run.tally.extracted} read" + (f": {counts}" if counts else "")
    warnings = "".join(f"; {visible(warning)}" for warning in run.warnings)
    return f"{run.status.value:8} {run.job} in {spent(run.duration_ms)}: {what}{warnings}"


def _counts(run: Run) -> Iterator[str]:
    """Yield what became of the rows, without what became of none."""
    tally, late = run.tally, run.lateness
    counts = (
        (tally.inserted, "new"),
        (tally.updated, "changed"),
        (tally.unchanged, "the same"),
        (tally.skipped, "rejected"),
        (tally.deleted, "deleted"),
        (late.rows, f"late by up to {spent(late.longest_ms)}"),
    )
    yield from (f"{count} {what}" for count, what in counts if count)


def _complain(outcome: Outcome, *, held_is_failure: bool) -> None:
    for error in outcome.errors:
        if isinstance(error, QuperSyncError):
            say(advice.line(error))
        else:
            failures.tell_bug(error)
    for run in outcome.runs if held_is_failure else ():
        if exit_codes.is_held(run):
            say(f"error: job {run.job} is {run.error} -> qupersync status {run.job}")
    if outcome.signal:
        say(f"stopped by {signal.Signals(outcome.signal).name}; what was committed stays")


def _summary(outcome: Outcome, code: int) -> dict[str, Any]:
    """Return the document of ``-o json``.

    ``runs`` has one object per job that ended, in the order in which they ended, with the keys of
    ``documents.of_run``; ``errors`` are the texts of what could not be recorded as a run.
    """
    return {
        "exit_code": code,
        "signal": outcome.signal or None,
        "runs": [documents.of_run(run) for run in outcome.runs],
        "errors": [_text(error) for error in outcome.errors],
    }


def _text(error: BaseException) -> str:
    # The text of a bug may hold a row's values.
    return str(error) if isinstance(error, QuperSyncError) else type(error).__name__
