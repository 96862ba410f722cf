"""The command line of backfill, retry and replay: their words and their help."""

from typing import Annotated

import typer

from qupersync.interface.options import JobNames, MaybeRunId, RunId, Summary, examples

BACKFILL = examples(
    "qupersync backfill query_history --since 7d",
    "qupersync backfill --since 2026-11-01 --until 2026-11-08 --chunk 6h",
    "qupersync backfill query_history --since 2026-11-01 --resume",
)
RETRY = examples("qupersync retry", "qupersync retry 5f0c1e0e")
REPLAY = examples("qupersync history", "qupersync replay 5f0c1e0e")
SummaryOption = Annotated[
    Summary | None,
    typer.Option("--output", "-o", help="One summary document on stdout.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something failed.")]


def backfill(  # noqa: PLR0913 - a command's options are its arguments
    context: typer.Context,
    names: JobNames = None,
    *,
    since: Annotated[
        str, typer.Option(metavar="T", help="From when: an age like 7d, an ISO date or time.")
    ],
    until: Annotated[
        str | None, typer.Option(metavar="T", help="Until when; now, if not given.")
    ] = None,
    chunk: Annotated[
        str, typer.Option(metavar="D", help="Length of the pieces, each a run of its own.")
    ] = "1d",
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what the last backfill has done.")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Rows in one target transaction.")
    ] = None,
    output: SummaryOption = None,
    quiet: Quiet = False,
) -> None:
    """Read a past span of incremental jobs again: of those named, or of all.

    It never moves a watermark back, nor forward past a hole. Other runs of a job may come between
    its pieces.
    """
    from qupersync.interface import backfilling

    backfilling.backfill(
        context.obj,
        names or (),
        backfilling.Asked(
            since=since, until=until, chunk=chunk, resume=resume, batch_rows=batch_size
        ),
        quiet=quiet,
        as_json=output is Summary.JSON,
    )


def retry(
    context: typer.Context,
    run_id: MaybeRunId = None,
    *,
    output: SummaryOption = None,
    quiet: Quiet = False,
) -> None:
    """Run again what failed last: of each job whose last run failed, its very window."""
    from qupersync.interface import backfilling

    backfilling.retry(context.obj, run_id, quiet=quiet, as_json=output is Summary.JSON)


def replay(
    context: typer.Context,
    run_id: RunId,
    *,
    output: SummaryOption = None,
    quiet: Quiet = False,
) -> None:
    """Read exactly the window of one past run again, as a new run."""
    from qupersync.interface import backfilling

    backfilling.replay(context.obj, run_id, quiet=quiet, as_json=output is Summary.JSON)
