"""The command line of `qupersync cancel`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.cli_completion import job_names
from qupersync.interface.options import examples

CANCEL = examples("qupersync status", "qupersync cancel query_history")


def cancel(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names)
    ],
) -> None:
    """Ask the run that holds a job to stop at its next batch, wherever it runs.

    What it has committed stays. It ends as canceled, and the next run goes on from there.
    """
    from qupersync.interface import cancel as work

    work.cancel(context.obj, job)
