"""The documents as tests read them: their blocks of code, and the commands that they show."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from qupersync.interface.cli import app

TOP = Path(__file__).parents[2]
ALL = (
    TOP / "README.md",
    TOP / "CHANGELOG.md",
    TOP / "deploy" / "README.md",
    *sorted((TOP / "docs").glob("*.md")),
)
SHELLS = {"sh", "console", "crontab"}
CRON_FIELDS = 5
RUN_ID = "5f0c1e0e-0d6b-4b7e-9a53-2f9f4f0e9c11"


def name_of(path: Path) -> str:
    return str(path.relative_to(TOP))


def fences(text: str) -> Iterator[tuple[str, str]]:
    """The language and the text of each block of code."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[str]:
    """The words after ``qupersync`` of each command in a block of code."""
    for language, code in fences(text):
        for line in code.replace("\\\n", " ").splitlines() if language in SHELLS else ():
            if language != "console" or line.startswith("$ "):
                yield from in_line(line.removeprefix("$ "), is_cron=language == "crontab")


def mentions(text: str) -> list[str]:
    """The words after ``qupersync`` of each command that stands in a sentence."""
    return re.findall(r"`qupersync ([^`]+)`", prose(text))


def in_line(line: str, *, is_cron: bool = False) -> Iterator[str]:
    """The words after ``qupersync`` of each command of a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            yield from _ours(words[CRON_FIELDS:] if is_cron else words)
            words, is_cron = [], False
        else:
            words.append(word)


def _ours(words: list[str]) -> Iterator[str]:
    while words and "=" in words[0]:
        words = words[1:]
    if words and words[0].rpartition("/")[2] == "qupersync":
        yield shlex.join(words[1:])


def complaint(words: str) -> str:
    """The kind of wrong usage that the program finds in these words, or nothing."""
    try:
        _read([RUN_ID if word == "RUN_ID" else word for word in shlex.split(words)])
    except TyperException as error:
        return type(error).__name__
    return ""


def _read(words: list[str]) -> None:
    command, name, context = get_command(app), "qupersync", None
    while True:
        context = command.make_context(name, words, parent=context)
        if not isinstance(command, TyperGroup):
            return
        words = [*context._protected_args, *context.args]
        found, child, words = command.resolve_command(context, words)
        assert child is not None
        command, name = child, str(found)
