"""The options that several commands share, each written once."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How a reading command writes its data."""

    TABLE = "table"
    JSON = "json"
    TSV = "tsv"


class Summary(StrEnum):
    """How a command that works writes its data."""

    JSON = "json"


class IfLocked(StrEnum):
    """What to do about a job that another run holds."""

    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The configuration files that the command line names; None looks at the usual places."""

    jobs: Path | None
    env: Path | None


JobNames = Annotated[
    list[str] | None, typer.Argument(metavar="JOB", help="Names of jobs.", show_default=False)
]
OutputOption = Annotated[
    Output,
    typer.Option("--output", "-o", help="A table on a terminal becomes plain lines elsewhere."),
]


def examples(*lines: str) -> str:
    """Return the last paragraph of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
