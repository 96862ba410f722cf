"""Source rows to target rows under a job's column rules; compiled once, run per batch.

Only what PostgreSQL would change in silence is checked here (a numeric rounded to its scale, a
time cut from a timestamp, a NUL). What PostgreSQL refuses by itself is left to it: the text of
dates and times travels as text, so that infinity and years BC stay exact.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from operator import itemgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from qupersync.domain.batch import Batch, Checked, Refusal, Reject, Row
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec, ColumnType, Scalar
from qupersync.domain.errors import ColumnMissingError

Rule = Callable[[Any], Any]

# numeric holds up to 131,072 digits before the point; Redshift's at most 38 in all.
_EXACT = Context(prec=1_000)
_DATE = re.compile(r"-?\w+-\d\d-\d\d(?: 00:00:00(?:\.0+)?(?:\+00)?)?(?: BC)?|-?infinity", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00)?", re.ASCII)
_REASONS = {
    "int_from_float": "lossy-cast",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
}


def _fault(reason: str) -> PydanticCustomError:
    return PydanticCustomError(reason, "row rule broken")


def _numeric(scale: int | None) -> Rule:
    quantum = None if scale is None else Decimal(1).scaleb(-scale)

    def exact(value: Any) -> Any:
        try:
            number = Decimal(repr(value) if isinstance(value, float) else value)
        except (InvalidOperation, TypeError, ValueError):
            return value
        if (
            quantum is not None
            and number.is_finite()
            and number != _EXACT.quantize(number, quantum)
        ):
            raise _fault("lossy-cast")
        return number

    return exact


def _matching(pattern: re.Pattern[str]) -> Rule:
    def unshortened(value: Any) -> Any:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise _fault("lossy-cast")
        return value

    return unshortened


def _at_most(length: int) -> Rule:
    def fitting(value: Any) -> Any:
        if isinstance(value, str) and len(value) > length:
            raise _fault("lossy-cast")
        return value

    return fitting


def _typed(kind: ColumnType) -> Sequence[Rule]:
    argument = kind.arguments[-1] if kind.arguments else None
    rules = {
        "numeric": [_numeric(argument)],
        "date": [_matching(_DATE)],
        "time": [_matching(_TIME)],
        "varchar": [_at_most(argument)] if argument else [],
    }
    return rules.get(kind.name, [])


def _list_of_rows(types: tuple[Any, ...]) -> Any:
    return list[tuple[types]]  # type: ignore[valid-type]


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def _refusing_nul(value: Any) -> Any:
    if isinstance(value, str) and "\0" in value:
        raise _fault("nul-in-key")
    return value


def _trimmed(value: Any) -> Any:
    return value.rstrip(" ") if isinstance(value, str) else value


def _null_if(texts: tuple[str, ...]) -> Rule:
    return lambda value: None if str(value) in texts else value


def _or_default(default: Scalar) -> Rule:
    return lambda value: default if value is None else value


def _present(reason: str) -> Rule:
    def present(value: Any) -> Any:
        if value is None:
            raise _fault(reason)
        return value

    return present


def _rules(spec: ColumnSpec, *, is_key: bool) -> list[Rule]:
    rules: list[Rule] = [_refusing_nul if is_key else _without_nul]
    if spec.trim:
        rules.append(_trimmed)
    if spec.null_if:
        rules.append(_null_if(spec.null_if))
    if spec.default is not None:
        rules.append(_or_default(spec.default))
    if is_key or spec.required:
        rules.append(_present("null-key" if is_key else "required"))
    return [*rules, *_typed(spec.type)]


def _in_turn(rules: list[Rule]) -> Rule:
    def checked(value: Any) -> Any:
        for rule in rules:
            value = rule(value)
        return value

    return checked


def _field(spec: ColumnSpec, *, is_key: bool) -> Any:
    bits = INTEGER_BITS.get(spec.type.name)
    base: Any = Any
    if bits:
        limit = 2 ** (bits - 1)
        base = Annotated[int, Field(ge=-limit, le=limit - 1)] | None
    return Annotated[base, BeforeValidator(_in_turn(_rules(spec, is_key=is_key)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A job's column rules, compiled for the columns that its query returns."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    picked: Callable[[Row], Row]
    adapter: TypeAdapter[list[Row]]

    @classmethod
    def compile(
        cls, specs: Mapping[str, ColumnSpec], key: Sequence[str], names: Sequence[str]
    ) -> "RowCheck":
        """Prepare the check of rows whose values come in the order of ``names``.

        Raises:
            ColumnMissingError: the query does not return a column that the job needs.
        """
        sources = [spec.source or name for name, spec in specs.items()]
        if missing := sorted(set(sources) - set(names)):
            raise ColumnMissingError(f"the query does not return: {', '.join(missing)}")
        at = [names.index(source) for source in sources]
        types = tuple(_field(spec, is_key=name in key) for name, spec in specs.items())
        return cls(
            columns=tuple(specs),
            key=tuple(key),
            picked=itemgetter(*at) if len(at) > 1 else lambda row: (row[at[0]],),
            adapter=TypeAdapter(_list_of_rows(types)),
        )

    def __call__(self, batch: Batch) -> Checked:
        """Split a batch into rows that keep the rules, as target values, and rejects."""
        at = [place for place in range(len(batch)) if place not in batch.unreadable]
        rows = [self.picked(batch.rows[place]) for place in at]
        refused = dict(batch.unreadable)
        while rows:
            try:
                rows = self.adapter.validate_python(rows)
                break
            except ValidationError as error:
                broken = self._broken(error)
            refused |= {at[row]: refusal for row, refusal in broken.items()}
            rows = [row for place, row in enumerate(rows) if place not in broken]
            at = [place for place in at if place not in refused]
        return Checked(
            rows=rows,
            rejects=[self._reject(batch, *fault) for fault in sorted(refused.items(), key=_place)],
            reject=lambda row, refusal: self._reject(batch, at[row], refusal),
            keys=lambda: [self._key_of(self.picked(batch.rows[place])) for place in at],
        )

    def _broken(self, error: ValidationError) -> dict[int, Refusal]:
        broken: dict[int, Refusal] = {}
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            row, column = int(item["loc"][0]), int(item["loc"][1])
            reason = item["type"] if "-" in item["type"] else "invalid-value"
            reason = _REASONS.get(item["type"], reason)
            broken.setdefault(row, Refusal(reason, self.columns[column]))
        return broken

    def _reject(self, batch: Batch, place: int, refusal: Refusal) -> Reject:
        row = () if place in batch.unreadable else self.picked(batch.rows[place])
        return Reject(
            payload=batch.payloads[place],
            payload_format=batch.payload_format,
            refusal=refusal,
            key=self._key_of(row) if row else "",
            values={name: _text(value) for name, value in zip(self.columns, row, strict=False)},
        )

    def _key_of(self, row: Row) -> str:
        values = dict(zip(self.columns, row, strict=True))
        return json.dumps([_trimmed(_text(values[name])) for name in self.key])


def _place(fault: tuple[int, Refusal]) -> int:
    return fault[0]


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case Decimal():
            return format(value, "f")
        case _:
            return str(value).replace("\0", "\N{SYMBOL FOR NULL}")
