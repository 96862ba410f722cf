"""The JSON Schema of jobs.yaml, by which editors complete and check it."""

import ast
from collections.abc import Mapping
from datetime import timedelta
from inspect import cleandoc, getsource
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from qupersync.domain.allowance import Allowance
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.duration import format_duration
from qupersync.domain.job import NAME_PATTERN, Job, Options, SqlByFlavor
from qupersync.domain.watermark_spec import Settled, WatermarkSpec
from qupersync.infrastructure.field_problems import JobsShape

_DRAFT = "http://json-schema.org/draft-07/schema#"  # what the YAML language server knows best
_PARTS = (ColumnSpec, Job, Options, Settled, SqlByFlavor, WatermarkSpec)
# What the models check by code.
_JOB_RULES: dict[str, Any] = {
    "oneOf": [{"required": ["sql"]}, {"required": ["sql_file"]}],
    "if": {"properties": {"mode": {"const": "snapshot"}}, "required": ["mode"]},
    "then": {"properties": {"watermark": {"type": "null"}}},
    "else": {"required": ["watermark"]},
}


def jobs_schema() -> dict[str, Any]:
    """Return the schema of a jobs file as data for JSON."""
    schema = JobsShape.model_json_schema(
        ref_template="#/definitions/{model}", schema_generator=_Schema
    )
    definitions = schema.pop("$defs")
    for part in (schema, *definitions.values()):
        for named in (part, *part["properties"].values()):
            named.pop("title", None)
    _describe(schema, JobsShape)
    for model in _PARTS:
        _describe(definitions[model.__name__], model)
    _name_by_key(definitions["Job"])
    schema["properties"]["jobs"]["propertyNames"] = {"pattern": f"^{NAME_PATTERN}$"}
    return {"$schema": _DRAFT, "title": "QuperSync jobs", **schema, "definitions": definitions}


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    for name, text in _texts(model).items():
        shown = model.model_fields[name].alias or name
        described = part["properties"][shown] | {"description": text}
        part["properties"][shown] = dict(sorted(described.items()))


def _texts(model: type[BaseModel]) -> Mapping[str, str]:
    """Return what the source says under each field; nothing where there is no source.

    Pydantic can do that, but for all models at each start, which took a run 0.03 s.
    """
    texts: dict[str, str] = {}
    for part in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        try:
            [tree] = ast.parse(getsource(part)).body
        except OSError:
            return {}
        for statement, under in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match statement, under:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                    texts[name] = cleandoc(text)
                case _:
                    pass
    return texts


def _name_by_key(job: dict[str, Any]) -> None:
    del job["properties"]["name"]
    job["required"].remove("name")
    job |= _JOB_RULES


class _Schema(GenerateJsonSchema):
    """Writes defaults as a jobs file does."""

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return format_duration(dft)
            case Allowance():
                return dft.rows if dft.share is None else str(dft)
            case _:
                return super().encode_default(dft)

    def default_schema(self, schema: Any) -> dict[str, Any]:
        written = super().default_schema(schema)
        if written.get("default") is None:
            written.pop("default", None)  # an editor would write it out
        return written
