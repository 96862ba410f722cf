"""The command line of `qupersync init`: its words and their help."""

from pathlib import Path
from typing import Annotated

import typer

from qupersync.interface.options import examples

EPILOG = examples("qupersync init", "qupersync init /srv/qupersync --built-in")


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.", show_default=False)
    ] = Path(),
    *,
    built_in: Annotated[
        bool, typer.Option("--built-in", help="With all jobs about Redshift itself, not just one.")
    ] = False,
) -> None:
    """Write a jobs file to begin with, and what goes with it; overwrite nothing."""
    from qupersync.interface import init as work

    work.init(folder, built_in=built_in)
