"""The command line of what only reads: status, history, list and validate."""

from typing import Annotated

import typer

from qupersync.interface.cli_completion import job_names
from qupersync.interface.options import JobNames, Output, OutputOption, examples

STATUS = examples("qupersync status", "qupersync status --check -o json")
HISTORY = examples(
    "qupersync history",
    "qupersync history query_history --limit 5",
    "qupersync history --failed",
)
LIST = examples("qupersync list", "qupersync list -o json")
VALIDATE = examples("qupersync validate", "qupersync -f other/jobs.yaml validate -o json")


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


def history(
    context: typer.Context,
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB", help="Name of a job.", show_default=False, autocompletion=job_names
        ),
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs at most.")] = 20,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only the runs that did not reach their end.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show past runs, the newest first; `show` tells all about one of them."""
    from qupersync.interface import reports

    reports.history(context.obj, job, limit, output, only_failed=failed)


def list_jobs(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Show the jobs of the jobs file."""
    from qupersync.interface import reports

    reports.jobs(context.obj, output)


def validate(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Check the jobs file without connecting to anything; every problem at once."""
    from qupersync.interface import validating

    validating.validate(context.obj, output)
