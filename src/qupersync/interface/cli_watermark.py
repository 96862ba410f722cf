"""The command line of `qupersync watermark`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.cli_completion import job_names
from qupersync.interface.options import JobNames, Output, OutputOption, examples

JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

watermark = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at watermarks and gaps, and change them by hand.",
    epilog=examples("qupersync watermark show", "qupersync watermark set query_history 7d"),
)


@watermark.command(
    epilog=examples("qupersync watermark show", "qupersync watermark show query_history -o json")
)
def show(
    context: typer.Context, names: JobNames = None, *, output: OutputOption = Output.TABLE
) -> None:
    """Show how far jobs are, their gaps, and who changed a watermark by hand last."""
    from qupersync.interface import watermark as work

    work.show_all(context.obj, names or (), output)


@watermark.command(
    "set",
    epilog=examples(
        "qupersync watermark set query_history 7d",
        "qupersync watermark set query_history 2026-03-01",
        "qupersync watermark set query_history 2026-03-01T06:30Z --yes",
    ),
)
def set_(
    context: typer.Context,
    job: JobName,
    point: Annotated[
        str,
        typer.Argument(
            metavar="POINT",
            help="An ISO date or time, or an age like 7d; for a bigint a whole number.",
        ),
    ],
    *,
    yes: Yes = False,
) -> None:
    """Say that the target holds everything before POINT; the next run goes on from there.

    A time without an offset is one of TIMEZONE. Exits 7 while a run holds the job.
    """
    from qupersync.interface import watermark as work

    work.set_point(context.obj, job, point, is_sure=yes)


@watermark.command(
    epilog=examples(
        "qupersync watermark reset query_history", "qupersync watermark reset query_history --yes"
    )
)
def reset(context: typer.Context, job: JobName, *, yes: Yes = False) -> None:
    """Forget a job's watermark: the next run starts from the job's initial.

    Rows in the target stay. Exits 7 while a run holds the job.
    """
    from qupersync.interface import watermark as work

    work.reset(context.obj, job, is_sure=yes)


@watermark.command(
    "ack-gap",
    epilog=examples(
        "qupersync watermark ack-gap query_history",
        "qupersync watermark ack-gap query_history --yes",
    ),
)
def ack_gap(context: typer.Context, job: JobName, *, yes: Yes = False) -> None:
    """Say that somebody knows of a job's gaps, so that status no longer tells of them."""
    from qupersync.interface import watermark as work

    work.acknowledge_gaps(context.obj, job, is_sure=yes)
