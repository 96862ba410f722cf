"""A whole document to the file that the command line names, or to stdout."""

from pathlib import Path

import typer

from qupersync.bootstrap.files import write_atomically
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.text import put, say

STDOUT = Path("-")


def deliver(document: str, path: Path) -> None:
    """Write the document to ``path``, whole or not at all; to stdout if that is ``-``.

    Raises:
        typer.Exit: it cannot be written; said on stderr.
    """
    if path == STDOUT:
        put(document)
        return
    try:
        write_atomically(path, document)
    except OSError as error:
        say(f"error: {path} cannot be written: {error.strerror} -> look at its folder's rights")
        raise typer.Exit(ExitCode.FAILED) from None
