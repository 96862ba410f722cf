"""The SQL of jobs.yaml: from the file itself or from beside it, checked and ready to send."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qupersync.domain.errors import Problem
from qupersync.infrastructure.sql_guard import check_sql, single_statement
from qupersync.infrastructure.written_text import WrittenText
from qupersync.infrastructure.yaml_positions import Document, YamlPath, dotted

MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlReader:
    """Reads the SQL of one file's jobs and gathers what is wrong with it."""

    document: Document
    folder: Path
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    refused: set[YamlPath] = field(default_factory=set)

    def ready(self, path: YamlPath, fields: dict[str, object]) -> dict[str, object]:
        """Return the job's fields with each text cut before its closing semicolon.

        ``sql_file`` is replaced by ``sql`` with its text; the path of a refused ``sql`` is
        added to ``refused``.
        """
        where = (*path, "sql")
        match fields:
            case {"sql": str(text), **rest}:
                return {**rest, "sql": self._text(where, where, text)}
            case {"sql": dict(texts), **rest}:
                return {**rest, "sql": {f: self._of_flavor(where, f, t) for f, t in texts.items()}}
            case {"sql_file": str(name), **rest} if "sql" not in rest:
                loaded = self._file_text((*path, "sql_file"), name)
                return fields if loaded is None else {**rest, "sql": loaded}
            case _:
                return fields

    def _text(self, where: YamlPath, path: YamlPath, text: str) -> str:
        return self._checked(where, text, partial(self.document.problem_within, path))

    def _of_flavor(self, where: YamlPath, flavor: str, text: object) -> object:
        return self._text(where, (*where, flavor), text) if isinstance(text, str) else text

    def _file_text(self, path: YamlPath, name: str) -> str | None:
        try:
            text = _text_within(self.folder, name)
        except (OSError, ValueError, RuntimeError) as error:  # a circle of links is the last
            message = f"{dotted(path)}: {name!r} cannot be read: {why(error)}"
            self.errors.append(self.document.problem(path, message))
            return None
        where = (*path[:-1], "sql")
        self.document.places[where] = self.document.places[path]
        return self._checked(where, text, WrittenText(str(self.folder / name), text).problem)

    def _checked(
        self, where: YamlPath, text: str, problem: Callable[[int, int, str], Problem]
    ) -> str:
        is_refused = False
        for found in check_sql(text):
            kind = self.warnings if found.is_warning else self.errors
            kind.append(problem(found.line, found.column, f"{dotted(where)}: {found.message}"))
            is_refused = is_refused or not found.is_warning
        if is_refused:
            self.refused.add(where)
            return text
        return single_statement(text)


def _text_within(folder: Path, name: str) -> str:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ValueError("it is not in the folder of this file")
    return read_text(file)


def read_text(file: Path) -> str:
    """Return the text of a file that people wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: no UTF-8, or larger than any such file (``MAX_BYTES``).
    """
    with file.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError("it is larger than 1 MB")
    return content.decode("utf-8-sig")


def why(error: OSError | ValueError | RuntimeError) -> str:
    """Say in words why a file cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8"
    return (isinstance(error, OSError) and error.strerror) or str(error)
