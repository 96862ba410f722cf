"""The command line of `qupersync report`: its words and their help."""

from pathlib import Path
from typing import Annotated

import typer

from qupersync.interface.options import examples

EXAMPLES = examples("qupersync report --html report.html", "qupersync report --html - | less")


def report(
    context: typer.Context,
    *,
    html: Annotated[
        Path,
        typer.Option(metavar="PATH", help="Replace this file at once; - is stdout."),
    ],
) -> None:
    """Write a page for people: how all jobs stand, what to do, and the last runs.

    The page is one file that loads nothing and runs nothing, so it can be mailed.
    """
    from qupersync.interface import report as work

    work.report(context.obj, html)
