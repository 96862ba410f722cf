"""The fields of a JSON Schema in words, and those of jobs.yaml as tables."""

import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TOP = Path(__file__).parents[2]
SCHEMA = json.loads((TOP / "schema" / "jobs.v1.json").read_text())
IN_WORDS = {"^(?:[0-9]+[wdhms])+$": "duration", "^[0-9]{1,3}(\\.[0-9]+)?%$": "share"}
PLAIN = {
    "array": "list", "boolean": "true or false", "integer": "whole number", "object": "mapping"
}  # fmt: skip
Node = dict[str, Any]


def table(*rows: tuple[str, ...]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rest])


def parts() -> dict[str, Node]:
    """The file and its parts, each by the name that its table has in docs/jobs.md."""
    return {"Jobs": SCHEMA, **SCHEMA["definitions"]}


def reference(name: str) -> str:
    """One table of docs/jobs.md."""
    node, shown = parts()[name], examples()[name]
    inherited = parts()["Options"]["properties"] if name == "Job" else {}
    head = ("field", "value", "default", "meaning", "example")
    return table(
        head,
        *(
            (
                f"`{field}`",
                kind(part),
                "required" if field in node.get("required", ()) else written(part.get("default")),
                part["description"],
                _short(shown[field]),
            )
            for field, part in node["properties"].items()
            if field not in inherited
        ),
    )


def example() -> str:
    """The jobs file of docs/jobs.md that has every field."""
    text = (TOP / "docs" / "jobs.md").read_text()
    found = re.search(r"<!-- example -->\n```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def examples() -> dict[str, Node]:
    """For each part of the file the first value of each field in the example."""
    file = YAML(typ="safe").load(example())
    jobs = list(file["jobs"].values())
    watermarks = [job["watermark"] for job in jobs if "watermark" in job]
    columns = [column for job in jobs for column in job.get("columns", {}).values()]
    found = {
        "Jobs": [file],
        "Options": [file["defaults"], *jobs],
        "Job": jobs,
        "SqlByFlavor": [job["sql"] for job in jobs if isinstance(job.get("sql"), dict)],
        "WatermarkSpec": watermarks,
        "Settled": [mark["settled"] for mark in watermarks if "settled" in mark],
        "ColumnSpec": [column for column in columns if isinstance(column, dict)],
    }
    return {
        name: {field: value for node in reversed(nodes) for field, value in node.items()}
        for name, nodes in found.items()
    }


def kind(node: Node) -> str:
    """What may be written there."""
    match node:
        case {"enum": [*values]}:
            words = [f"`{value}`" for value in values]
        case {"const": value}:
            words = [f"`{value}`"]
        case {"type": "string", "anyOf": _}:
            words = ["type"]
        case {"anyOf": [*nodes]}:
            words = [kind(one) for one in nodes if one.get("type") != "null"]
        case {"type": [*types]}:
            words = [kind({"type": one}) for one in types]
        case {"minimum": low, "maximum": high}:
            words = [f"{low} to {high}"]
        case {"pattern": pattern} if pattern in IN_WORDS:
            words = [IN_WORDS[pattern]]
        case _:
            name = node.get("type", "object")
            words = [PLAIN.get(name, "number" if name == "number" else "text")]
    return " or ".join(dict.fromkeys(words))


def written(value: object) -> str:
    """A value as a file has it; nothing for nothing."""
    match value:
        case None | "" | []:
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case _:
            return f"`{value}`"


def _short(value: object) -> str:
    if isinstance(value, dict) or (isinstance(value, str) and "\n" in value):
        return "above"
    return f"`[{', '.join(map(str, value))}]`" if isinstance(value, list) else written(value)
