"""Errors in words: what is wrong, and what to type next."""

import re
from collections.abc import Iterator

from qupersync.domain.errors import ConfigError, QuperSyncError
from qupersync.interface.source_line import shown

_JOB = re.compile(r"\bJOB\b")


def about(code: str, job: str, hint: str = "") -> str:
    """Return what to do about a job's error: the hint it came with, else its code's, else rerun."""
    return _JOB.sub(job, hint or _HINTS.get(code) or "qupersync run JOB")


def line(error: QuperSyncError) -> str:
    """Return an error as one line for people: what is wrong and what to do about it.

    A configuration may have several problems: each with its place and the line it is about.
    """
    text = f"error: {one_line(str(error))}"
    if isinstance(error, ConfigError):
        text = "\n".join(_problem_lines(error))
    return f"{text} -> {error.hint}" if error.hint else text


def _problem_lines(error: ConfigError) -> Iterator[str]:
    if not error.problems:
        yield from (f"error: {problem}" for problem in str(error).split("\n"))
        return
    yield from map(shown, error.problems)
    count = len(error.problems)
    yield f"error: {count} problem{'' if count == 1 else 's'}, nothing was run"


def one_line(text: str) -> str:
    """Return a server's message without its line breaks."""
    return " ".join(text.split())


def _kinds(of: type[QuperSyncError]) -> Iterator[type[QuperSyncError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


_HINTS = {kind.code: kind.hint for kind in _kinds(QuperSyncError)}
