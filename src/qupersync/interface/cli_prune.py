"""The command line of `qupersync prune`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.options import Output, OutputOption, examples

EXAMPLES = examples(
    "qupersync prune --dry-run",
    "qupersync prune --runs 52w --batches 1w",
    "qupersync --env-file owner.env prune",
)


def prune(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    runs: Annotated[
        str, typer.Option(metavar="D", help="Age of runs; what belongs to them goes too.")
    ] = "90d",
    batches: Annotated[str, typer.Option(metavar="D", help="Age of rows of the ledger.")] = "30d",
    rejects: Annotated[
        str, typer.Option(metavar="D", help="Time since rejects were resolved.")
    ] = "30d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove old rows of the run log, the ledger and the rejects.

    Open rejects stay, and whatever a later command asks for: the newest runs of each job, the last
    backfill, and what was read. It needs the owner of the schema.
    """
    from qupersync.interface import prune as work

    ages = {"runs": runs, "batches": batches, "rejects": rejects}
    work.prune(context.obj, ages, output, is_dry=dry_run)
