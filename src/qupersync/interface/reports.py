"""The commands that only read: status, history, list."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

import typer

from qupersync.bootstrap.app import open_app
from qupersync.domain.gap import is_gap_warning
from qupersync.domain.run import Status
from qupersync.domain.status import Health, JobStatus
from qupersync.interface import advice, documents, tables
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.options import Files, Output
from qupersync.interface.render import is_table, show
from qupersync.interface.text import left, moment, say


def status(files: Files, names: Sequence[str], output: Output, *, check: bool) -> None:
    """Show how the jobs stand; with ``check`` a problem or an open gap is exit 1."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    jobs = app.status(names)
    zone = app.settings.sync.time_zone
    records = [documents.of_status(job) for job in jobs]
    show(records, tables.of_status(zone), output, zone)
    # A cron line with --check mails what is on stderr: only of problems.
    told = [job for job in jobs if job.is_problem or not check]
    for note in (*_problems(jobs, all_of=not names), *_notes(told, zone)):
        say(note)
    if check and any(job.is_problem for job in jobs):
        raise typer.Exit(ExitCode.FAILED)


def _problems(jobs: Sequence[JobStatus], *, all_of: bool) -> Iterator[str]:
    alike: dict[tuple[Health, str], list[JobStatus]] = {}
    for job in jobs:
        if job.health.is_problem:
            alike.setdefault((job.health, _why(job)), []).append(job)
    for (health, why), those in alike.items():
        names = [job.job for job in those]
        if health is not Health.NEVER:
            yield f"{', '.join(names)}: {health}{why} -> {documents.of_status(those[0])['next']}"
        elif all_of and 1 < len(names) == len(jobs):
            yield f"{', '.join(names)}: never ran -> qupersync run --all"
        else:
            yield f"{', '.join(names)}: never ran -> qupersync run {' '.join(names)}"


def _why(job: JobStatus) -> str:
    if job.is_orphaned:
        return ": the run that held the job vanished"
    return f": {advice.one_line(job.last_run.error)}" if job.last_run and job.last_run.error else ""


def _before(job: JobStatus) -> str:
    last = job.last_run
    return f"; before that: {last.status}{_why(job)}" if last and last.status != "success" else ""


def _notes(jobs: Iterable[JobStatus], zone: tzinfo) -> Iterator[str]:
    for job in jobs:
        last = job.last_run
        if job.is_running and job.held_since:
            since = moment(job.held_since, zone)
            yield f"{job.job}: running since {since} on {job.holder}{_before(job)}"
        if job.open_rejects:
            rows = f"{job.open_rejects} row{'' if job.open_rejects == 1 else 's'}"
            yield f"{job.job}: {rows} set aside -> qupersync rejects list {job.job}"
        yield from _loss_notes(job)
        for warning in last.warnings if last else ():
            if not is_gap_warning(warning):  # an open gap is told above, until it is acknowledged
                yield f"{job.job}: {advice.one_line(warning)}"


def _loss_notes(job: JobStatus) -> Iterable[str]:
    if job.gaps:
        spans = ", ".join(f"{gap['low']} to {gap['high']}" for gap in job.gaps)
        yield f"{job.job}: rows may be lost: {spans} -> qupersync watermark ack-gap {job.job}"
    if job.loss_in is not None and job.loss_is_near:
        when = left(int(job.loss_in.total_seconds()))
        when = when if when == "now" else f"in {when}"
        yield f"{job.job}: the source may drop rows behind the watermark {when}"


def history(
    files: Files, job: str | None, limit: int, output: Output, *, only_failed: bool
) -> None:
    """Show past runs, the newest first; on a terminal each error of a job once, below them."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    records = app.history(job, limit, only_failed=only_failed)
    zone = app.settings.sync.time_zone
    show(records, tables.of_runs(zone), output, zone)
    for note in _errors(records, zone) if is_table(output) else ():
        say(note)


def _errors(records: Iterable[Record], zone: tzinfo) -> Iterator[str]:
    alike: dict[tuple[str, str], list[Record]] = {}
    newest: dict[str, str] = {}
    for record in records:
        newest.setdefault(record["job"], record["status"])
        if record["error"]:
            alike.setdefault((record["job"], record["error"]), []).append(record)
    for (job, error), runs in alike.items():
        often = f"{len(runs)} times since {moment(runs[-1]['started_at'], zone)}: "
        often = often if len(runs) > 1 else ""
        is_over = newest[job] == Status.SUCCESS
        hint = "it works again" if is_over else advice.about(runs[0]["error_code"], job)
        more = f"more: qupersync show {tables.short(runs[0])}"
        yield f"{job}: {often}{advice.one_line(error)} -> {hint}; {more}"


def jobs(files: Files, output: Output) -> None:
    """Show the jobs of the file."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    records = [documents.of_job(job) for job in app.jobs_file.jobs]
    show(records, tables.of_jobs(), output, app.settings.sync.time_zone)
