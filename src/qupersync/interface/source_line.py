"""A problem of a file as compilers show it: its place, the line itself, and a mark under it."""

import re
from unicodedata import east_asian_width

from qupersync.domain.errors import Problem
from qupersync.interface.text import visible

_WORD = re.compile(r"\w+|")
_WIDEST = 120  # characters of a line; of a longer one the part around the mark is shown
_BEFORE = 60


def shown(problem: Problem) -> str:
    """Return the problem with its source line and a mark under the word it is about."""
    told = visible(str(problem))  # a key of the file may hold a line break
    if not problem.source.strip():
        return told
    start = problem.column - 1
    cut = start - _BEFORE if len(problem.source) > _WIDEST and start > _BEFORE else 0
    before, after = problem.source[cut:start], problem.source[start : cut + _WIDEST]
    word = _WORD.match(after)
    mark = "^" * max(1, _width(word[0] if word else ""))
    number = str(problem.line)
    return (
        f"{told}\n{number} | {visible(before + after)}"
        f"\n{' ' * len(number)} | {' ' * _width(before)}{mark}"
    )


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in visible(text))
