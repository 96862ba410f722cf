"""The question before something that cannot be undone."""

import sys

import typer

from qupersync.domain.errors import SelectionError
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.text import say


def require_consent(change: str, command: str, *, is_sure: bool) -> None:
    """Go on only if somebody wants it; ``command`` is what to type where nobody can be asked.

    Raises:
        SelectionError: nobody is there to be asked.
        typer.Exit: the answer is no.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise SelectionError("nobody is there to be asked", hint=f"{command} --yes")
    if not typer.confirm(f"{change}?", err=True):
        say("nothing was changed")
        raise typer.Exit(ExitCode.FAILED)
