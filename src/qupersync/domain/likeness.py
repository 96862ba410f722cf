"""Which columns of a job two databases can write alike, so that equal rows give equal hashes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from qupersync.domain.column_rules import spelled
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec
from qupersync.domain.job import Job
from qupersync.domain.watermark import Point, WatermarkType


class Form(StrEnum):
    """What a value is to both databases, however many types each has for it."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    TEXT = "text"
    PADDED = "padded"


# Left out: binary fractions, documents and times of day, whose texts differ between databases.
_OF_TARGET = {
    **dict.fromkeys((*INTEGER_BITS, "numeric"), Form.NUMBER),
    **dict.fromkeys(("timestamp", "timestamptz"), Form.MOMENT),
    **dict.fromkeys(("text", "varchar"), Form.TEXT),
    "boolean": Form.BOOLEAN,
    "date": Form.DATE,
}
Default = Point | Decimal | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A target column and where it comes from; one without a ``form`` cannot be compared."""

    name: str
    source: str
    form: Form | None
    trim: bool
    null_if: tuple[str, ...]
    default: Default | None

    @classmethod
    def of(cls, name: str, spec: ColumnSpec, forms: Mapping[str, Form | None]) -> "Cell":
        """Return how a column is written; ``forms`` are those of the source's columns."""
        source = spec.source or name
        form = _shared(spec, forms.get(source))
        default = None
        try:
            default = _default(spec, form)
        except (ValueError, InvalidOperation):
            form = None
        return cls(
            name=name,
            source=source,
            form=form,
            trim=spec.trim,
            # A NUL is taken out of every value before it is compared with these.
            null_if=tuple(text for text in spec.null_if if "\0" not in text),
            default=default,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The columns that are compared, in one order, and the key and watermark among all of them."""

    compared: tuple[Cell, ...]
    left_out: tuple[str, ...]
    key: tuple[Cell, ...]
    watermark: Cell

    @classmethod
    def of(
        cls, job: Job, specs: Mapping[str, ColumnSpec], forms: Mapping[str, Form | None]
    ) -> "Likeness":
        """Sort the columns of an incremental job into those that can be compared and the rest."""
        if job.watermark is None:
            raise AssertionError("an incremental job has a watermark")
        cells = {name: Cell.of(name, spec, forms) for name, spec in specs.items()}
        return cls(
            compared=tuple(cell for cell in cells.values() if cell.form),
            left_out=tuple(name for name, cell in cells.items() if not cell.form),
            key=tuple(cells[name] for name in job.key),
            watermark=cells[job.watermark.column],
        )


def _shared(spec: ColumnSpec, source: Form | None) -> Form | None:
    if source is Form.PADDED:
        # How much of the padding a database shows depends on what it does with the value.
        source = Form.TEXT if spec.trim else None
    return source if _OF_TARGET.get(spec.type.name) is source else None


def _default(spec: ColumnSpec, form: Form | None) -> Default | None:
    text = spelled(spec.default)
    if text is None or form is None:
        return None
    return _READ[form](text)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("a word that only the target can read")
    return text == "true"


_READ: dict[Form, Callable[[str], Default]] = {
    Form.NUMBER: Decimal,
    Form.BOOLEAN: _truth,
    Form.DATE: date.fromisoformat,
    Form.MOMENT: WatermarkType.TIMESTAMPTZ.parse,
    Form.TEXT: str,
}
