"""The parts of the documents that the program writes itself: python -m tests.docs.reference."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.json_schema import GenerateJsonSchema
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from qupersync.domain import errors
from qupersync.domain.ports import InDoubtError
from qupersync.infrastructure.error_rules import Rule
from qupersync.infrastructure.postgres import errors as postgres
from qupersync.infrastructure.redshift import error_table as redshift
from qupersync.infrastructure.settings import (
    AwsSettings,
    PostgresSettings,
    RedshiftSettings,
    SyncSettings,
)
from qupersync.infrastructure.watch_settings import WatchSettings
from qupersync.interface.cli import app
from qupersync.interface.exit_codes import of_error_code
from tests.docs import fields
from tests.docs.fields import TOP, kind, table

DOCS = TOP / "docs"
SETTINGS = (RedshiftSettings, AwsSettings, PostgresSettings, SyncSettings, WatchSettings)


class _Quiet(GenerateJsonSchema):
    """Says nothing of a default that is a time zone: the defaults are those of .env.example."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012


def kinds_of_error() -> dict[str, type[errors.QuperSyncError]]:
    known = {kind.code: kind for kind in _below(errors.QuperSyncError)}
    known[InDoubtError.code] = InDoubtError
    known.pop("unavailable")  # what the next two have in common
    return dict(sorted(known.items()))


def _below(root: type[errors.QuperSyncError]) -> Iterator[type[errors.QuperSyncError]]:
    for child in root.__subclasses__():
        yield child
        yield from _below(child)


def error_codes() -> str:
    rows = (
        (
            f"[`{code}`](#{code})",
            error.kind,
            "yes" if error.retryable else "no",
            str(int(of_error_code(code))),
            (error.__doc__ or "").splitlines()[0],
            error.hint,
        )
        for code, error in kinds_of_error().items()
    )
    return table(("code", "kind", "retry", "exit", "what it means", "what to do"), *rows)


def answers(*rules: Rule, otherwise: Rule) -> str:
    """How a server's errors are sorted, in the order in which it is looked up."""
    rows = (
        (_listed(rule.states), _listed(rule.texts), f"[`{rule.error.code}`](#{rule.error.code})")
        for rule in (*rules, otherwise)
    )
    return table(("begins with", "text has", "code"), *rows)


def _listed(patterns: tuple[str, ...]) -> str:
    return ", ".join(f"`{pattern}`" for pattern in patterns).replace("|", "\\|") or "any"


def commands() -> dict[str, str]:
    """The help of each command, as in a terminal of 80 columns."""
    return {words: _help(words) for words in _words(get_command(app), "qupersync")}


def _words(command: Any, words: str) -> Iterator[str]:
    yield words
    if isinstance(command, TyperGroup):
        for name, child in sorted(command.commands.items()):
            yield from _words(child, f"{words} {name}")


def _help(words: str) -> str:
    _, *rest = words.split()
    shown = CliRunner().invoke(app, [*rest, "--help"], prog_name="qupersync", env={"COLUMNS": "80"})
    assert shown.exit_code == 0, shown.output
    return "\n".join(line.rstrip() for line in shown.stdout.splitlines())


def command_reference() -> str:
    return "\n\n".join(f"## {words}\n\n```text\n{text}\n```" for words, text in commands().items())


def variables() -> dict[str, Any]:
    """Each variable with its field."""
    return {str(field.alias): field for part in SETTINGS for field in part.model_fields.values()}


def secrets() -> set[str]:
    return {name for name, field in variables().items() if field.annotation is SecretStr}


def variable_reference() -> str:
    rows = (row for part in SETTINGS for row in _variables(part))
    return table(("variable", "value", "default"), *rows)


def _variables(part: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    example = (TOP / ".env.example").read_text()
    defaults = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", example, re.MULTILINE))
    for name, node in part.model_json_schema(schema_generator=_Quiet)["properties"].items():
        value = "secret" if name in secrets() else kind(node)
        yield f"`{name}`", value, fields.written(defaults.get(name))


BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("errors.md", "errors"): error_codes,
    ("errors.md", "postgres"): partial(answers, *postgres.RULES, otherwise=postgres.UNKNOWN),
    ("errors.md", "psycopg"): partial(answers, *postgres.SILENT_RULES, otherwise=postgres.AWAY),
    ("errors.md", "redshift"): partial(answers, *redshift.RULES, otherwise=redshift.UNKNOWN),
    ("errors.md", "driver"): partial(answers, *redshift.SILENT_RULES, otherwise=redshift.AWAY),
    ("errors.md", "aws"): partial(answers, *redshift.AWS_RULES, otherwise=redshift.REFUSED),
    ("commands.md", "commands"): command_reference,
    ("configuration.md", "variables"): variable_reference,
    **{("jobs.md", name): partial(fields.reference, name) for name in fields.parts()},
}


def block(document: Path, name: str) -> str:
    """What stands between the marks of this name."""
    found = _marked(name).search(document.read_text())
    assert found is not None, f"{document} has no block {name}"
    return found[2].strip()


def _marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


def write() -> None:
    """Write each block anew."""
    for (document, name), made in BLOCKS.items():
        path = DOCS / document
        before, start, _, end, after = _marked(name).split(path.read_text())
        path.write_text(f"{before}{start}{made()}\n{end}{after}")


if __name__ == "__main__":
    write()
