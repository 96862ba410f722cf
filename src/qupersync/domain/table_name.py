"""Names in PostgreSQL: identifiers of at most 63 bytes, and tables as people type them."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

DEFAULT_SCHEMA = "quper"
_MAX_BYTES = 63
_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'


def identifier(text: object) -> str:
    """Return a name that PostgreSQL stores whole.

    Raises:
        ValueError: empty, longer than 63 bytes (two such names may become one), or with a NUL.
    """
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("a name must be a text, not empty and without a NUL")
    if len(text.encode()) > _MAX_BYTES:
        raise ValueError(f"a name is at most {_MAX_BYTES} bytes in PostgreSQL: {text!r}")
    return text


@dataclass(frozen=True, slots=True)
class TableName:
    """A table in PostgreSQL; ``str()`` writes it so that ``parse`` reads it back."""

    schema: str
    table: str

    @classmethod
    def parse(cls, text: object) -> "TableName":
        """Read ``[schema.]table``, each part plain (folded to lower case) or double-quoted.

        Raises:
            ValueError: anything else, or a part that is no ``identifier``.
        """
        if isinstance(text, TableName):
            return text
        match = isinstance(text, str) and re.fullmatch(rf"(?:({_PART})\.)?({_PART})", text)
        if not match:
            raise ValueError("expected table or schema.table, parts plain or double-quoted")
        schema, table = (_unquoted(part) for part in match.groups(default=DEFAULT_SCHEMA))
        return cls(identifier(schema), identifier(table))

    def __str__(self) -> str:
        return f"{_quoted(self.schema)}.{_quoted(self.table)}"


def _unquoted(part: str) -> str:
    if part.startswith('"'):
        return part[1:-1].replace('""', '"')
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), part)  # PostgreSQL folds ASCII only


def _quoted(part: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", part)
    return part if plain else '"' + part.replace('"', '""') + '"'


Identifier = Annotated[str, BeforeValidator(identifier)]
Target = Annotated[
    TableName,
    BeforeValidator(TableName.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
