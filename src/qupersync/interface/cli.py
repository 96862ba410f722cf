"""The command line as a whole: which commands there are, in the order in which one needs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from qupersync.interface import (
    cli_again,
    cli_cancel,
    cli_demo,
    cli_doctor,
    cli_init,
    cli_metrics,
    cli_plan,
    cli_prune,
    cli_report,
    cli_reports,
    cli_run,
    cli_show,
    cli_verify,
)
from qupersync.interface.cli_config import config
from qupersync.interface.cli_db import db
from qupersync.interface.cli_rejects import rejects
from qupersync.interface.cli_watermark import watermark
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.failures import Commands
from qupersync.interface.options import Files, examples
from qupersync.interface.text import put

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)

# What the list of commands says of each; the whole of it is in the command's own help.
COMMANDS: tuple[tuple[str, Callable[..., Any], str, str], ...] = (
    ("demo", cli_demo.demo, cli_demo.DEMO, "Show it all on throw-away servers."),
    ("init", cli_init.init, cli_init.EPILOG, "Write a jobs file to begin with."),
    ("validate", cli_reports.validate, cli_reports.VALIDATE, "Check the jobs file, offline."),
    ("doctor", cli_doctor.doctor, cli_doctor.EPILOG, "Check servers, rights and tables."),
    ("plan", cli_plan.plan, cli_plan.EXAMPLES, "Show what a run would do now."),
    ("run", cli_run.run, cli_run.RUN, "Run jobs: some, or all."),
    ("status", cli_reports.status, cli_reports.STATUS, "Show how each job stands."),
    ("history", cli_reports.history, cli_reports.HISTORY, "Show past runs."),
    ("show", cli_show.show, cli_show.SHOW, "Show one run in full."),
    ("retry", cli_again.retry, cli_again.RETRY, "Run again what failed last."),
    ("replay", cli_again.replay, cli_again.REPLAY, "Read one run's window again."),
    ("cancel", cli_cancel.cancel, cli_cancel.CANCEL, "Ask a run to stop."),
    ("backfill", cli_again.backfill, cli_again.BACKFILL, "Read a past span again."),
    ("verify", cli_verify.verify, cli_verify.VERIFY, "Prove that no row is missing."),
    ("prune", cli_prune.prune, cli_prune.EXAMPLES, "Remove old rows of the run log."),
    ("list", cli_reports.list_jobs, cli_reports.LIST, "Show the jobs of the jobs file."),
    ("metrics", cli_metrics.metrics, cli_metrics.EXAMPLES, "Write metrics for Prometheus."),
    ("report", cli_report.report, cli_report.EXAMPLES, "Write a page for people."),
)


def _version(*, is_asked: bool) -> None:
    if is_asked:
        from qupersync import __version__

        put(f"qupersync {__version__}\n")
        raise typer.Exit(ExitCode.OK)


@app.callback(epilog=examples("qupersync init", "qupersync run --all", "qupersync status"))
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


for _name, _command, _epilog, _short in COMMANDS:
    app.command(_name, epilog=_epilog, short_help=_short)(_command)
app.add_typer(rejects, name="rejects", short_help="Look after rows that could not be loaded.")
app.add_typer(watermark, name="watermark")
app.add_typer(db, name="db")
app.add_typer(config, name="config")
