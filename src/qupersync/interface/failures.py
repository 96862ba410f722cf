"""Errors to exit codes: one line for people, and a traceback only of a bug."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from qupersync.domain.errors import BugError, QuperSyncError
from qupersync.interface import advice
from qupersync.interface.exit_codes import ExitCode, of_error
from qupersync.interface.text import say

logger = logging.getLogger(__name__)


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """End the program on an error of the block with the error's code and a line on stderr."""
    try:
        yield
    except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
        raise
    except QuperSyncError as error:
        say(advice.line(error))
        raise typer.Exit(of_error(error)) from None
    except Exception as error:  # noqa: BLE001 - a bug: told as one, with its own exit code
        tell_bug(error)
        raise typer.Exit(ExitCode.BUG) from None


def tell_bug(error: BaseException) -> None:
    """Log where it happened, and tell people in one line; its text may hold a row's values."""
    bug = BugError.naming(error).with_traceback(error.__traceback__)
    logger.error("unexpected error", exc_info=bug)
    say(advice.line(bug))


class Commands(TyperGroup):
    """A group of commands whose errors are exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        with errors_as_exit_codes():
            return super().invoke(ctx)
