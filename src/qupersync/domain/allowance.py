"""How many rows something may concern: a number, or a share."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many rows, or such a share (0 to 1) of them."""

    rows: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, value: object) -> "Allowance":
        """Read ``100`` (rows) or ``1%`` (a share).

        Raises:
            ValueError: anything else.
        """
        if isinstance(value, Allowance):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(rows=int(value))
        match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)%", str(value), re.ASCII)
        if match is None or float(match[1]) > _ALL:
            raise ValueError("expected a number of rows like 100, or a share like 1%")
        return cls(share=float(match[1]) / _ALL)

    def is_exceeded(self, count: int, total: int) -> bool:
        """Tell whether ``count`` of ``total`` rows is more than allowed."""
        allowed = total * self.share if self.share is not None else self.rows or 0
        return count > allowed

    def __str__(self) -> str:
        return str(self.rows) if self.share is None else f"{self.share * _ALL:g}%"


RowsOrShare = Annotated[
    Allowance,
    BeforeValidator(Allowance.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]+)?%$"},
            ]
        }
    ),
]
