"""The command line: its words, their help, and no work of its own."""

from pathlib import Path
from typing import Annotated

import typer

from qupersync.domain.run import Trigger
from qupersync.interface import cli_again, cli_doctor, cli_init, cli_metrics, cli_plan, cli_report
from qupersync.interface.cli_completion import job_names
from qupersync.interface.cli_config import config
from qupersync.interface.cli_db import db
from qupersync.interface.cli_show import SHOW, show
from qupersync.interface.cli_verify import VERIFY, verify
from qupersync.interface.cli_watermark import watermark
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.failures import Commands
from qupersync.interface.options import (
    Exclude,
    Files,
    IfLocked,
    JobNames,
    Output,
    OutputOption,
    Summary,
    examples,
)
from qupersync.interface.text import put

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(db, name="db")
app.add_typer(watermark, name="watermark")
app.add_typer(config, name="config")
app.command(epilog=cli_metrics.EXAMPLES)(cli_metrics.metrics)
app.command(epilog=cli_plan.EXAMPLES)(cli_plan.plan)
app.command(epilog=cli_report.EXAMPLES)(cli_report.report)


def _version(*, is_asked: bool) -> None:
    if is_asked:
        from qupersync import __version__

        put(f"qupersync {__version__}\n")
        raise typer.Exit(ExitCode.OK)


@app.callback(epilog=examples("qupersync validate", "qupersync run --all", "qupersync status"))
def qupersync(
    context: typer.Context,
    *,
    jobs_file: Annotated[
        Path | None,
        typer.Option(
            "--jobs-file",
            "-f",
            help="Instead of QUPERSYNC_JOBS and ./jobs.yaml.",
            show_default=False,
        ),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Instead of the .env beside the jobs file.", show_default=False),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Copy the rows of SQL queries from Amazon Redshift into PostgreSQL tables."""
    context.obj = Files(jobs=jobs_file, env=env_file)


@app.command(
    epilog=examples(
        "qupersync run --all", "qupersync run query_history", "qupersync run --tag logs --jobs 4"
    )
)
def run(  # noqa: PLR0913 - a command's options are its arguments
    context: typer.Context,
    names: JobNames = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run every job.")] = False,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Run the jobs with this tag.", show_default=False),
    ] = None,
    exclude: Exclude = None,
    threads: Annotated[
        int, typer.Option("--jobs", min=1, max=16, help="How many jobs at once.")
    ] = 1,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no further job after a failure.")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Rows in one target transaction.")
    ] = None,
    from_initial: Annotated[
        bool, typer.Option("--from-initial", help="Read again from the jobs' initial.")
    ] = False,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Lift max_delete; for named jobs only.")
    ] = False,
    if_locked: Annotated[
        IfLocked | None,
        typer.Option(
            help="What to do about a job that another run holds; fail for a named job, else skip. "
            "wait lasts for the job's timeout."
        ),
    ] = None,
    trigger: Annotated[
        Trigger | None,
        typer.Option(help="Who asks; manual on a terminal, else cron.", show_default=False),
    ] = None,
    output: Annotated[
        Summary | None,
        typer.Option("--output", "-o", help="One summary document on stdout.", show_default=False),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing unless something failed.")
    ] = False,
) -> None:
    """Run jobs: those named, those with a tag, or all."""
    from qupersync.bootstrap import RunOptions
    from qupersync.interface import running

    running.require_selection(names or (), tags or (), every=every, allow_deletes=allow_deletes)
    options = RunOptions(
        names=names or (),
        tags=tags or (),
        exclude=exclude or (),
        threads=threads,
        fail_fast=fail_fast,
        batch_rows=batch_size,
        from_initial=from_initial,
        allow_deletes=allow_deletes,
        waits=if_locked is IfLocked.WAIT,
        trigger=trigger,
    )
    usual = IfLocked.FAIL if names else IfLocked.SKIP
    running.run(
        context.obj,
        options,
        held_is_failure=(if_locked or usual) is not IfLocked.SKIP,
        quiet=quiet,
        as_json=output is Summary.JSON,
    )


@app.command(epilog=examples("qupersync status", "qupersync status --check -o json"))
def status(
    context: typer.Context,
    names: JobNames = None,
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Exit 1 if a job failed, is stale, never ran or has an open gap."
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how each job stands: ok, running, failed, stale or never run."""
    from qupersync.interface import reports

    reports.status(context.obj, names or (), output, check=check)


@app.command(
    epilog=examples(
        "qupersync history",
        "qupersync history query_history --limit 5",
        "qupersync history --failed",
    )
)
def history(
    context: typer.Context,
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB", help="Name of a job.", show_default=False, autocompletion=job_names
        ),
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many runs at most.")] = 20,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only the runs that did not reach their end.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show past runs, the newest first; `show` tells all about one of them."""
    from qupersync.interface import reports

    reports.history(context.obj, job, limit, output, only_failed=failed)


@app.command("list", epilog=examples("qupersync list", "qupersync list -o json"))
def list_jobs(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Show the jobs of the jobs file."""
    from qupersync.interface import reports

    reports.jobs(context.obj, output)


@app.command(epilog=examples("qupersync validate", "qupersync -f other/jobs.yaml validate -o json"))
def validate(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Check the jobs file without connecting to anything; every problem at once."""
    from qupersync.interface import validating

    validating.validate(context.obj, output)


@app.command(epilog=examples("qupersync demo", "qupersync demo --serverless --rows 50000"))
def demo(
    *,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Queries to make up.")] = 20_000,
    serverless: Annotated[
        bool, typer.Option("--serverless", help="Stand in for Redshift Serverless.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed makes up other queries.")] = 1,
) -> None:
    """Run all jobs twice, from a stand-in Redshift into a throw-away PostgreSQL."""
    from qupersync.interface import showing

    showing.demo(rows=rows, serverless=serverless, seed=seed)


app.command(epilog=cli_doctor.EPILOG)(cli_doctor.doctor)
app.command(epilog=cli_init.EPILOG)(cli_init.init)
app.command(epilog=cli_again.BACKFILL)(cli_again.backfill)
app.command(epilog=cli_again.RETRY)(cli_again.retry)
app.command(epilog=cli_again.REPLAY)(cli_again.replay)
app.command(epilog=VERIFY)(verify)
app.command(epilog=SHOW)(show)
