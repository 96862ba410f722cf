"""Target columns: their types and the rules that a source value passes through."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_TYPES = (
    "smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean", "text",
    "varchar", "date", "time", "timestamp", "timestamptz", "jsonb", "uuid",
)  # fmt: skip
TYPE_PATTERN = (
    r"smallint|integer|bigint|real|double precision|boolean|text|date|time|timestamp|timestamptz"
    r"|jsonb|uuid|varchar\([0-9]+\)|numeric(?:\([0-9]+(?: *, *[0-9]+)?\))?"
)
_LONG_NAMES = {
    "character varying": "varchar",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}
_WRITTEN = re.compile(r"([a-z ]+?) *(?:\( *([0-9]+) *(?:, *([0-9]+) *)?\))?")
INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A PostgreSQL type that QuperSync loads; ``str()`` gives the type as jobs.yaml writes it."""

    name: str
    arguments: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: object) -> "ColumnType":
        """Read a type as jobs.yaml or ``format_type`` writes it.

        Raises:
            ValueError: a type that QuperSync does not load.
        """
        if isinstance(text, ColumnType):
            return text
        written = isinstance(text, str) and _WRITTEN.fullmatch(text.strip())
        name, *digits = written.groups() if written else ("",)
        numbers = tuple(int(number) for number in digits if number)
        name = _LONG_NAMES.get(name, name)
        if name == "numeric" and len(numbers) == 1:
            numbers = (numbers[0], 0)
        if name == "varchar" and not numbers:
            name = "text"  # the same to PostgreSQL
        if not re.fullmatch(TYPE_PATTERN, str(cls(name, numbers))):
            raise ValueError(f"unknown type {text!r}; one of: {', '.join(_TYPES)}")
        return cls(name, numbers)

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.arguments))})" if self.arguments else self.name


Type = Annotated[
    ColumnType,
    BeforeValidator(ColumnType.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        # The list is for editors, which complete from it.
        {"type": "string", "anyOf": [{"enum": list(_TYPES)}, {"pattern": f"^(?:{TYPE_PATTERN})$"}]}
    ),
]
Scalar = bool | int | float | str


class ColumnSpec(BaseModel):
    """How one target column gets its value."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: Type
    """Type in PostgreSQL."""
    source: str | None = Field(default=None, alias="from", min_length=1)
    """Name in the query's result, where it is another one."""
    required: bool = False
    """Whether to reject a row in which it is NULL."""
    default: Scalar | None = None
    """What to store instead of NULL."""
    null_if: tuple[str, ...] = ()
    """Texts that mean NULL."""
    trim: bool = True
    """Whether to cut the blanks off the end of a text."""


def _spelled_out(value: object) -> object:
    return {"type": value} if isinstance(value, str | ColumnType) else value


Column = Annotated[
    ColumnSpec, BeforeValidator(_spelled_out, json_schema_input_type=Type | ColumnSpec)
]
