"""The command line of `qupersync verify`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.options import JobNames, Output, OutputOption, examples

VERIFY = examples(
    "qupersync verify", "qupersync verify query_history --repair", "qupersync verify -o json"
)


def verify(
    context: typer.Context,
    names: JobNames = None,
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Run a job whose rows differ, then read again what still does, and holes.",
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Prove that no row is missing: every window was read, and both sides hold the same.

    Exits 0 if all is proved, else 1. A job that can never be proved, like a snapshot, is a failure
    only if it is named. Changes nothing without --repair.
    """
    from qupersync.interface import verify as work

    work.verify(context.obj, names or (), output, repair=repair)
