"""The commands backfill, retry and replay: what they say while they work, and their exit codes."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import typer

from qupersync.application.backfill import Backfill
from qupersync.bootstrap import again
from qupersync.bootstrap.again import BackfillOptions
from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.machine import now
from qupersync.bootstrap.passes import Outcome
from qupersync.bootstrap.show import run_named
from qupersync.bootstrap.working import Listener
from qupersync.domain.duration import parse_duration
from qupersync.domain.moments import parse_moment
from qupersync.domain.past_run import time_left
from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import canonical
from qupersync.interface.options import Files
from qupersync.interface.running import Report, conclude, report_of
from qupersync.interface.text import say, spent

logger = logging.getLogger(__name__)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, not yet read."""

    since: str
    until: str | None
    chunk: str
    resume: bool
    batch_rows: int | None


def backfill(
    files: Files, names: Sequence[str], asked: Asked, *, quiet: bool, as_json: bool
) -> None:
    """Read a past span again and exit with the code of what became of it."""
    app = _opened(files, quiet=quiet)
    options = _options(app, names, asked)
    report = report_of(app, quiet=quiet)
    progress = _Progress(report=report)
    with report.told(Listener(on_end=progress.ended)) as told:
        outcome = again.backfill(app, options, progress.planned, told)
    if left := progress.left(outcome):
        names = " ".join(plan.job.name for plan in left)
        ends = {canonical(plan.windows[-1].high or options.since) for plan in left}
        say(
            f"the rest: qupersync backfill {names} --since {canonical(options.since)} "
            f"--until {max(ends)} --chunk {asked.chunk} --resume"
        )
    conclude(outcome, held_is_failure=True, quiet=quiet, as_json=as_json)


def retry(files: Files, prefix: str | None, *, quiet: bool, as_json: bool) -> None:
    """Run again what failed, and exit with the code of what became of it."""
    app = _opened(files, quiet=quiet)
    report = report_of(app, quiet=quiet)
    with report.told(Listener(on_end=report.ended)) as told:
        outcome = again.retry(app, run_named(app, prefix) if prefix else None, told)
    if not outcome.runs and not quiet:
        say("nothing to retry: the last run of each job succeeded, or there is none")
    conclude(outcome, held_is_failure=True, quiet=quiet, as_json=as_json)


def replay(files: Files, prefix: str, *, quiet: bool, as_json: bool) -> None:
    """Repeat one run and exit with the code of what became of it."""
    app = _opened(files, quiet=quiet)
    report = report_of(app, quiet=quiet)
    with report.told(Listener(on_end=report.ended)) as told:
        outcome = again.replay(app, run_named(app, prefix), told)
    conclude(outcome, held_is_failure=True, quiet=quiet, as_json=as_json)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """Tells what is about to be read, and after each piece how much is left."""

    report: Report
    plans: Sequence[Backfill] = ()
    done: Counter[str] = field(default_factory=Counter)
    spent: timedelta = timedelta()

    def planned(self, plans: Sequence[Backfill]) -> None:
        self.plans = plans
        for plan in plans:
            for note in plan.notes:
                self._noted(plan.job.name, note)
            if self.report.for_people and not self.report.quiet:
                say(f"{plan.job.name}: {_in_words(plan)}")

    def _noted(self, job: str, note: str) -> None:
        if not self.report.for_people:
            logger.warning("backfill", extra={"job": job, "warning": note})
        elif not self.report.quiet:
            say(f"{job}: {note}")

    def ended(self, run: Run) -> None:
        self.report.ended(run)
        self.spent += timedelta(milliseconds=run.duration_ms or 0)
        if run.status is not Status.SUCCESS:
            return
        self.done[run.job] += 1
        done, total = self.done.total(), sum(len(each.windows) for each in self.plans)
        left = time_left(done, total, self.spent)
        if not self.report.for_people:
            record = {"job": run.job, "pieces_done": done, "pieces": total}
            logger.info("backfill progress", extra=record | {"left_s": int(left.total_seconds())})
        elif not self.report.quiet and done < total:
            say(f"{done} of {total} pieces done, about {spent(left // _MS)} left")
        elif not self.report.quiet:
            say(f"all {total} pieces done")

    def left(self, outcome: Outcome) -> list[Backfill]:
        """Return the backfills of which pieces are left, unless none was tried."""
        plans = self.plans if outcome.runs else ()
        return [plan for plan in plans if self.done[plan.job.name] < len(plan.windows)]


def _opened(files: Files, *, quiet: bool) -> App:
    app = open_app(jobs=files.jobs, env_file=files.env)
    if quiet:
        logging.getLogger().setLevel(logging.ERROR)
    return app


def _options(app: App, names: Sequence[str], asked: Asked) -> BackfillOptions:
    try:
        chunk = parse_duration(asked.chunk)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--chunk") from None
    if not chunk:
        raise typer.BadParameter("a piece is longer than nothing", param_hint="--chunk")
    return BackfillOptions(
        names=names,
        since=_moment(app, asked.since, "--since"),
        until=None if asked.until is None else _moment(app, asked.until, "--until"),
        chunk=chunk,
        resume=asked.resume,
        batch_rows=asked.batch_rows,
    )


def _moment(app: App, text: str, option: str) -> datetime:
    try:
        return parse_moment(text, zone=app.settings.sync.time_zone, now=now())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _in_words(plan: Backfill) -> str:
    if not plan.windows:
        return "nothing to read"
    low, high = plan.windows[0].low, plan.windows[-1].high
    count = len(plan.windows)
    span = f"{canonical(low)} to {canonical(high or low)}"
    return f"{span} in {count} piece{'' if count == 1 else 's'}"
