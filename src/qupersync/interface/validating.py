"""The command validate: what is wrong with the jobs file, or that nothing is."""

from datetime import UTC

import typer

from qupersync.bootstrap.app import open_app
from qupersync.domain.errors import ConfigError, Problem
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.next_command import tell_next
from qupersync.interface.options import Files, Output
from qupersync.interface.render import show
from qupersync.interface.source_line import shown
from qupersync.interface.text import put, say


def validate(files: Files, output: Output) -> None:
    """Say that the jobs file is right, and its warnings; opening it raises if it is not.

    For programs: a record for each problem, and exit 3 if one is an error.
    """
    if output is not Output.TABLE:
        _for_programs(files, output)
        return
    file = open_app(jobs=files.jobs, env_file=files.env).jobs_file
    for warning in file.warnings:
        say(f"warning: {shown(warning)}")
    count = len(file.jobs)
    put(f"{file.path}: {count} job{'' if count == 1 else 's'}, no problem\n")
    tell_next("qupersync doctor")


def _for_programs(files: Files, output: Output) -> None:
    try:
        warnings = open_app(jobs=files.jobs, env_file=files.env).jobs_file.warnings
    except ConfigError as error:
        if not error.problems:
            raise
        show([_record(problem, "error") for problem in error.problems], (), output, UTC)
        raise typer.Exit(ExitCode.INVALID) from None
    show([_record(warning, "warning") for warning in warnings], (), output, UTC)


def _record(problem: Problem, severity: str) -> Record:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": severity,
        "message": problem.message,
    }
