"""The text of a file that people wrote: its lines, and where a YAML value stands in it."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from ruamel.yaml.nodes import Node

from qupersync.domain.errors import Problem

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # those of YAML
_BLANK = re.compile(r"[ \t\r\n]+")
# What makes one character of a value that is no blank; a blank may be escaped too.
_PLAIN = re.compile(r"(?P<seen>[^ \t\r\n])")
_SINGLE_QUOTED = re.compile(r"(?P<seen>''|[^ \t\r\n])")
_DOUBLE_QUOTED = re.compile(r"\\[ntr\s]|(?P<seen>\\(?:x..|u.{4}|U.{8}|.)|[^ \t\r\n])", re.DOTALL)


class Position(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class WrittenText:
    """A text under the name of its file."""

    file: str
    text: str

    @cached_property
    def _lines(self) -> list[str]:
        return _BREAK.split(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def problem(self, line: int, column: int, message: str) -> Problem:
        """Return a problem that carries the line it is about."""
        source = self._lines[line - 1] if line <= len(self._lines) else ""
        return Problem(self.file, line, column, message, source)

    def position_within(self, node: Node, line: int, column: int) -> Position:
        """Return where the file has the character at a line and column of a YAML value.

        YAML rewrites blanks, line breaks and quotes, so the characters that can be seen are
        counted; a blank is where the next one of them is.
        """
        before = "\n".join([*node.value.split("\n")[: line - 1], ""])
        rest = node.value[len(before) :][: column - 1]
        count = len(_BLANK.sub("", before + rest))
        start, end, pattern = self._extent(node)
        seen = (m.start() for m in pattern.finditer(self.text, start, end) if m["seen"])
        index = next(islice(seen, count, None), start)
        number = bisect_right(self._starts, index)
        return Position(number, index + 1 - self._starts[number - 1])

    def _extent(self, node: Node) -> tuple[int, int, re.Pattern[str]]:
        start, end = node.start_mark.index, node.end_mark.index
        match getattr(node, "style", None):
            case "|" | ">":  # the line of the sign holds no text
                header = _BREAK.search(self.text, start)
                return (header.end() if header else end), end, _PLAIN
            case "'":
                return start + 1, end - 1, _SINGLE_QUOTED
            case '"':
                return start + 1, end - 1, _DOUBLE_QUOTED
            case _:
                return start, end, _PLAIN
