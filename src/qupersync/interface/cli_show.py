"""The command line of `qupersync show`: its words and their help."""

import re
from typing import Annotated

import typer

from qupersync.interface.options import Output, OutputOption, examples

SHOW = examples(
    "qupersync history",
    "qupersync show 5f0c1e0e",
    "qupersync show 5f0c1e0e-0d6b-4b7e-9a53-2f9f4f0e9c11 -o json",
)
_DIGITS = re.compile(r"[0-9a-f]{4,32}")


def _prefix(text: str) -> str:
    if not _DIGITS.fullmatch(text.lower().replace("-", "")):
        raise typer.BadParameter("expected a run's id, or at least its first 4 characters")
    return text.lower()


def show(
    context: typer.Context,
    run_id: Annotated[
        str,
        typer.Argument(
            metavar="RUN_ID",
            help="A run's id, or enough of its beginning; history tells it.",
            parser=_prefix,
        ),
    ],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one past run: what became of it, why, its batches and rejects, what to type next."""
    from qupersync.interface import show as work

    work.show(context.obj, run_id, output)
