"""The options that several commands share, each written once."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qupersync.interface.cli_completion import job_names


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
    WAIT = "wait"


class Asker(StrEnum):
    """Who may say that he asks for a run."""

    CRON = "cron"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The configuration files that the command line names; None looks at the usual places."""

    jobs: Path | None
    env: Path | None


JobNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB",
        help="Names or patterns (query_*), or a state (state:failed, stale, never).",
        show_default=False,
        autocompletion=job_names,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="JOB",
        help="Leave out these jobs: names, patterns or a state.",
        show_default=False,
        autocompletion=job_names,
    ),
]
OutputOption = Annotated[
    Output,
    typer.Option("--output", "-o", help="A table on a terminal becomes plain lines elsewhere."),
]


_RUN_DIGITS = re.compile(r"[0-9a-f]{4,32}")


def _prefix(text: str) -> str:
    if not _RUN_DIGITS.fullmatch(text.lower().replace("-", "")):
        raise typer.BadParameter("expected a run's id, or at least its first 4 characters")
    return text.lower()


_RUN_ID = typer.Argument(
    metavar="RUN_ID",
    help="A run's id, or enough of its beginning; history tells it.",
    show_default=False,
    parser=_prefix,
)
RunId = Annotated[str, _RUN_ID]
MaybeRunId = Annotated[str | None, _RUN_ID]


def examples(*lines: str) -> str:
    """Return the last paragraph of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
