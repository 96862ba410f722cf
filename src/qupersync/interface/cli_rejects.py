"""The command line of `qupersync rejects`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.cli_again import Quiet, SummaryOption
from qupersync.interface.cli_completion import job_names
from qupersync.interface.options import JobNames, Output, OutputOption, Summary, examples

Which = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID|JOB",
        help="Ids of rejects, or names of jobs.",
        show_default=False,
        autocompletion=job_names,
    ),
]

rejects = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at rows that could not be loaded; load them again, or discard them.",
    epilog=examples("qupersync rejects list", "qupersync rejects replay query_history"),
)


@rejects.command(
    "list",
    epilog=examples("qupersync rejects list", "qupersync rejects list query_history --all -o json"),
)
def list_(
    context: typer.Context,
    names: JobNames = None,
    *,
    resolved_too: Annotated[
        bool, typer.Option("--all", help="Also those that are resolved.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most.")] = 20,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the open rejects, the newest first.

    The rows themselves are told by `show`.
    """
    from qupersync.interface import rejects as work

    work.show_all(context.obj, names or (), limit, output, resolved_too=resolved_too)


@rejects.command(epilog=examples("qupersync rejects show 17", "qupersync rejects show 17 -o json"))
def show(
    context: typer.Context,
    reject_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Id of a reject.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one reject in full.

    All of its row, why it was refused, and what to type next.
    """
    from qupersync.interface import rejects as work

    work.show_one(context.obj, reject_id, output)


@rejects.command(
    epilog=examples(
        "qupersync rejects replay query_history",
        "qupersync rejects replay 17 18",
        "qupersync rejects replay --all",
    )
)
def replay(
    context: typer.Context,
    which: Which = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All open ones.")] = False,
    output: SummaryOption = None,
    quiet: Quiet = False,
) -> None:
    """Load rejects again, after a repair.

    Of the table, of the job's columns, or of what the rows refer to. Each job's rejects are one
    run. It reads nothing at the source, leaves the watermark, and overwrites no newer row of an
    incremental job. What is refused again stays, with the new reason.
    """
    from qupersync.interface import rejects as work

    as_json = output is Summary.JSON
    work.replay(context.obj, which or (), every=every, quiet=quiet, as_json=as_json)


@rejects.command(
    epilog=examples(
        "qupersync rejects discard 17 18", "qupersync rejects discard query_history --all --yes"
    )
)
def discard(
    context: typer.Context,
    which: Which = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All open ones of the jobs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Say that nobody needs these rows. They are kept until they are pruned."""
    from qupersync.interface import rejects as work

    work.discard(context.obj, which or (), every=every, is_sure=yes)
