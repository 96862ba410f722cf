"""YAML 1.2 as plain data that remembers the line and column of every part."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from qupersync.domain.errors import ConfigError, Problem
from qupersync.infrastructure.written_text import Position, WrittenText

YamlPath = tuple[str | int, ...]
_MAX_DEPTH = 20
_MAX_NODES = 200_000  # a file of 1 MB has fewer; aliases of aliases soon have more
_TAG = "tag:yaml.org,2002:"
# Everything else is a text, a date too: YAML 1.2 knows no date, and each field reads its own.
_TYPED = {_TAG + name for name in ("bool", "int", "float", "null")}
_KNOWN = _TYPED | {_TAG + name for name in ("str", "timestamp", "merge", "map", "seq")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a key and its value stand."""

    key: Position
    value: Position
    node: Node


def dotted(path: YamlPath) -> str:
    """Write a path as people read it: ``jobs.table_stats.key``."""
    return ".".join(map(str, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML file: its plain data, the place of each path in it, and its own mistakes."""

    file: WrittenText
    data: object
    places: dict[YamlPath, Place]
    problems: tuple[Problem, ...]

    def known_part(self, path: YamlPath) -> YamlPath:
        """Return the path without the parts that are not in the file."""
        known: YamlPath = ()
        for part in path:
            known = (*known, part) if (*known, part) in self.places else known
        return known

    def problem(self, path: YamlPath, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the value of ``path``, or at its key."""
        place = self.places[path]
        return self.file.problem(*(place.key if at_key else place.value), message)

    def problem_within(self, path: YamlPath, line: int, column: int, message: str) -> Problem:
        """Return a problem at a line and a column of the text of ``path``, both from 1."""
        node = self.places[path].node
        return self.file.problem(*self.file.position_within(node, line, column), message)


def read_yaml(file: WrittenText) -> Document:
    """Read one document; repeated keys and foreign tags are among its ``problems``.

    Raises:
        ConfigError: not YAML, nested deeper than any jobs file, or blown up by aliases.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(io.StringIO(file.text))
        builder = _Builder(file)
        data = builder.build(node, ()) if node else None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"not valid YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"
        raise ConfigError(problems=(file.problem(line, column, message),)) from None
    except RecursionError:
        message = "nested too deep, or a mapping that contains itself"
        raise ConfigError(problems=(file.problem(1, 1, message),)) from None
    return Document(file=file, data=data, places=builder.places, problems=tuple(builder.problems))


@dataclass(slots=True)
class _Builder:
    file: WrittenText
    places: dict[YamlPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def build(self, node: Node, path: YamlPath, key: Node | None = None) -> object:
        self.nodes += 1
        if len(path) > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise RecursionError
        self.places[path] = Place(key=_start(key or node), value=_start(node), node=node)
        if node.tag not in _KNOWN:
            self._complain(node, f"the tag {node.tag} is not allowed")
        if isinstance(node, MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, n)) for n, item in enumerate(node.value)]
        return _SCALARS.construct_object(node) if node.tag in _TYPED else node.value

    def _items(self, node: MappingNode, path: YamlPath) -> Iterator[tuple[str, object]]:
        seen: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value
            if not isinstance(key, ScalarNode):
                self._complain(key, "a key must be a text")
            elif name in seen:
                first = seen[name].start_mark.line + 1
                self._complain(key, f"{name!r} stands here again; first in line {first}")
            else:
                seen[name] = key
                yield name, self.build(value, (*path, name), key)

    def _complain(self, node: Node, message: str) -> None:
        self.problems.append(self.file.problem(*_start(node), message))


def _start(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


_SCALARS = YAML(typ="safe", pure=True).constructor
