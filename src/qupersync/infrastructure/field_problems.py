"""A validator's complaints about jobs.yaml as one problem per mistake, each at its place."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.nodes import ScalarNode

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import Problem
from qupersync.domain.job import Job, Options, SqlByFlavor
from qupersync.domain.watermark_spec import Settled, Strict, WatermarkSpec
from qupersync.infrastructure.plain_words import in_words
from qupersync.infrastructure.yaml_positions import Document, YamlPath, dotted


class JobsShape(Strict):
    """What QuperSync copies from Amazon Redshift into PostgreSQL."""

    version: Literal[1]
    """Version of this file's format."""
    defaults: Options | None = None
    """What holds for each job that does not say otherwise."""
    jobs: dict[str, Job] = Field(min_length=1)
    """The jobs by name: small letters, digits and _."""


def field_problems(
    error: ValidationError, document: Document
) -> Iterator[tuple[YamlPath, Problem]]:
    """Yield each mistake with the path of its field.

    The several complaints of a union are one mistake, and so are a misspelt field and the
    field that is missing because of it.
    """
    mistakes: dict[YamlPath, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False, include_input=False):
        mistakes.setdefault(_field(details["loc"], document), []).append(details)
    misspelt = {
        (*path[:-1], _meant(path))
        for path, found in mistakes.items()
        if found[0]["type"] == "extra_forbidden"
    }
    for path, found in mistakes.items():
        is_missing_elsewhere = path in misspelt - document.places.keys()
        is_other_member = len(found[0]["loc"]) > len(path) and any(
            len(other) > len(path) and other[: len(path)] == path for other in mistakes
        )
        if not is_missing_elsewhere and not is_other_member:
            yield path, _problem(path, found, document)


def _field(loc: YamlPath, document: Document) -> YamlPath:
    """Return the path of a field, in the file or not, without the names of union members."""
    path = document.known_part(loc)
    last = loc[-1]
    return (*path, last) if last in {"name", *_fields_at(path)} and path != loc else path


def _problem(path: YamlPath, found: list[ErrorDetails], document: Document) -> Problem:
    place = document.known_part(path)
    is_unknown = found[0]["type"] == "extra_forbidden"
    message = " or ".join(dict.fromkeys(in_words(details) for details in found))
    message = message.replace(" or expected", " or")
    if is_unknown and (meant := _meant(path)):
        message += f", did you mean {meant!r}?"
    # A column may be its type alone, and a job's name is its key.
    is_short = path != place and isinstance(document.places[place].node, ScalarNode)
    subject = place if is_short or path[-1:] == ("name",) else path
    at_key = is_unknown or (path != place and not is_short) or found[0]["loc"][-1] == "[key]"
    return document.problem(place, f"{dotted(subject)}: {message}", at_key=at_key)


def _meant(path: YamlPath) -> str:
    return next(iter(get_close_matches(str(path[-1]), _fields_at(path[:-1]), n=1)), "")


def _fields_at(parent: YamlPath) -> list[str]:
    model: type[BaseModel]
    match parent:
        case ():
            model = JobsShape
        case ("defaults",):
            model = Options
        case ("jobs", _):
            model = Job
        case ("jobs", _, "sql"):
            model = SqlByFlavor
        case ("jobs", _, "watermark"):
            model = WatermarkSpec
        case ("jobs", _, "watermark", "settled"):
            model = Settled
        case _:
            model = ColumnSpec
    names = {field.alias or name for name, field in model.model_fields.items()}
    return sorted(names - {"name"})
