"""The command line of `qupersync metrics`: its words and their help."""

from pathlib import Path
from typing import Annotated

import typer

from qupersync.interface.options import examples

EXAMPLES = examples(
    "qupersync metrics",
    "qupersync metrics --textfile /var/lib/node_exporter/textfile_collector/qupersync.prom",
)


def metrics(
    context: typer.Context,
    *,
    textfile: Annotated[
        Path, typer.Option(metavar="PATH", help="Replace this file at once; - is stdout.")
    ] = Path("-"),
) -> None:
    """Write how the jobs stand as metrics for Prometheus.

    They are those of all jobs, from the run log: call it every minute, beside the runs.
    """
    from qupersync.interface import metrics as work

    work.metrics(context.obj, textfile)
