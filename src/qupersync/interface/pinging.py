"""What monitors are told of a pass and of its jobs, and people of a change."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from qupersync.bootstrap.app import App
from qupersync.bootstrap.machine import process
from qupersync.bootstrap.passes import RunOptions
from qupersync.bootstrap.watching import Watch, watched
from qupersync.domain.change import Change
from qupersync.domain.ping import Moment, Ping
from qupersync.domain.run import Run, Status, Trigger
from qupersync.interface import advice, exit_codes
from qupersync.interface.text import visible


@dataclass(slots=True, kw_only=True)
class Pings:
    """Pings as a pass and its jobs begin and end.

    One of a pass that a person makes by hand is not sent: it says nothing of the schedule.
    """

    watch: Watch
    options: RunOptions
    _runs: list[Run] = field(default_factory=list)

    def pass_began(self) -> None:
        """Tell that the pass begins."""
        self._of_pass(Moment.START, Status.RUNNING, None)

    def began(self, run: Run) -> None:
        """Tell that a job has its lease and begins."""
        self.watch.ping(_ping(Moment.START, run, None))

    def after(self, on_end: Callable[[Run], None]) -> Callable[[Run], None]:
        """Return ``on_end`` followed by the ping of the job's end."""

        def ended(run: Run) -> None:
            on_end(run)
            self._runs.append(run)
            # The run that holds a held job tells of it.
            if not exit_codes.is_held(run):
                code = exit_codes.of_pass(
                    [run], [], refusal_code="", signal=0, held_is_failure=False
                )
                self.watch.ping(_ping(_end(code), run, code))

        return ended

    def pass_ended(self, code: int) -> None:
        """Tell how the pass ended; one whose jobs are all held by other runs did nothing."""
        is_idle = code == 0 and self._runs and all(map(exit_codes.is_held, self._runs))
        if not is_idle:
            self._of_pass(_end(code), Status.FAILED if code else Status.SUCCESS, code)

    def _of_pass(self, moment: Moment, status: Status, code: int | None) -> None:
        if self.options.asked_by is Trigger.CRON:
            run_id = self.options.pass_id
            self.watch.ping(Ping(moment=moment, run_id=run_id, status=status, exit_code=code))


def _end(code: int) -> Moment:
    return Moment.FAILURE if code else Moment.SUCCESS


def _ping(moment: Moment, run: Run, code: int | None) -> Ping:
    return Ping(moment=moment, run_id=run.run_id, status=run.status, job=run.job, exit_code=code)


@contextmanager
def of_pass(app: App, options: RunOptions) -> Iterator[Pings]:
    """Tell of the pass that the block makes; the exception that ends it says how it ended."""
    with watched(app) as watch:
        pings = Pings(watch=watch, options=options)
        pings.pass_began()
        try:
            yield pings
        except Exception as end:
            code = end.exit_code if isinstance(end, typer.Exit) else exit_codes.of_error(end)
            pings.pass_ended(code)
            watch.alert_of_changes(options.pass_id, in_words)
            raise


def in_words(changes: Sequence[Change]) -> tuple[str, str]:
    """Return the title and the text of a message."""
    failed = [change.job for change in changes if change.is_failure]
    cured = [change.job for change in changes if not change.is_failure]
    told = [
        f"{jobs[0] if len(jobs) == 1 else f'{len(jobs)} jobs'} {what}"
        for jobs, what in ((failed, "failed"), (cured, "ok again"))
        if jobs
    ]
    title = f"qupersync on {process()['host']}: {', '.join(told)}"
    return title, "\n".join(map(_line, changes))


def _line(change: Change) -> str:
    if not change.is_failure:
        return f"ok again: {change.job}"
    hint = advice.about(change.error_code, change.job)
    return f"failed: {change.job}: {visible(advice.one_line(change.error))} -> {hint}"
