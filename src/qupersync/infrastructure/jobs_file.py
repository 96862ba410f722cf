"""jobs.yaml to jobs; every mistake of the file is found in one go and has its place."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from qupersync.domain.errors import ConfigError, Problem
from qupersync.domain.job import Job, Options
from qupersync.domain.table_name import TableName
from qupersync.infrastructure.field_problems import JobsShape, field_problems
from qupersync.infrastructure.job_sql import SqlReader, read_text, why
from qupersync.infrastructure.written_text import WrittenText
from qupersync.infrastructure.yaml_positions import Document, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsFile:
    """The jobs of one file, in its order, and what its reader should look at."""

    path: Path
    jobs: tuple[Job, ...]
    warnings: tuple[Problem, ...]


def load_jobs(path: Path) -> JobsFile:
    """Read the file, and the SQL files that it names, into jobs that hang together.

    The SQL of a job stands in ``sql``, without the semicolon that ended it.

    Raises:
        ConfigError: every problem of the file, by position.
    """
    try:
        file = WrittenText(str(path), read_text(path))
        document = read_yaml(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {why(error)}") from None
    if not isinstance(document.data, dict):
        problem = file.problem(1, 1, "expected a mapping with version and jobs")
        raise ConfigError(problems=(problem,))
    sql = SqlReader(document=document, folder=path.parent)
    complete = _completed(document.data, sql)
    shape, mistakes = _validated(complete, sql)
    problems = {
        *document.problems,
        *sql.errors,
        *mistakes,
        *_collisions(document.data.get("jobs"), document),
    }
    if problems or shape is None:
        raise ConfigError(problems=tuple(sorted(problems)))
    warnings = tuple(sorted(set(sql.warnings)))
    return JobsFile(path=path, jobs=tuple(shape.jobs.values()), warnings=warnings)


def _completed(data: dict[str, object], sql: SqlReader) -> dict[str, object]:
    """Give each job its name, the defaults and its SQL."""
    defaults = data.get("defaults") or {}
    jobs = data.get("jobs")
    complete = {**data, "defaults": defaults}
    if isinstance(jobs, dict):
        shared = _valid_defaults(defaults)
        complete["jobs"] = {
            name: {**shared, **sql.ready(("jobs", name), fields), "name": name}
            if isinstance(fields, dict)
            else fields
            for name, fields in jobs.items()
        }
    return complete


def _valid_defaults(defaults: object) -> dict[str, object]:
    """Return nothing for wrong defaults: one mistake there is not one in each job."""
    try:
        Options.model_validate(defaults)
    except ValidationError:
        return {}
    return defaults if isinstance(defaults, dict) else {}


def _validated(
    complete: dict[str, object], sql: SqlReader
) -> tuple[JobsShape | None, list[Problem]]:
    try:
        return JobsShape.model_validate(complete, by_alias=True, by_name=False, context={}), []
    except ValidationError as error:
        found = field_problems(error, sql.document)
        return None, [problem for path, problem in found if path not in sql.refused]


def _collisions(jobs: object, document: Document) -> Iterator[Problem]:
    """Find what only the whole file shows: a target of two jobs, a name beside the key."""
    owners: dict[TableName, str] = {}
    for name, fields in jobs.items() if isinstance(jobs, dict) else ():
        if not isinstance(fields, dict):
            continue
        if "name" in fields:
            message = f"jobs.{name}.name: unknown field; the key is the name"
            yield document.problem(("jobs", name, "name"), message, at_key=True)
        with suppress(KeyError, ValueError):  # a job without a target is a problem elsewhere
            target = TableName.parse(fields["target"])
            if (owner := owners.setdefault(target, name)) != name:
                message = f"jobs.{name}.target: job {owner} already loads {target}"
                yield document.problem(("jobs", name, "target"), message)
