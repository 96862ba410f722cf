"""What a source value passes through on its way into one target column.

Only what PostgreSQL would change in silence is checked here (a numeric rounded to its scale, a
time cut from a timestamp, a NUL, a word like ``now``). What PostgreSQL refuses by itself is left
to it: dates and times travel as text, so that infinity and years BC stay exact.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, InvalidOperation
from math import isfinite
from struct import Struct
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from qupersync.domain.batch import Single
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec, ColumnType, Scalar

Rule = Callable[[Any], Any]

# A numeric(p,s) has at most that many digits on either side of its point.
_MOST_DIGITS = 1_000
_EXACT = Context(prec=2 * _MOST_DIGITS)
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_FLOAT4 = Struct("<f")
_DAY = r"\d{4,}-\d\d-\d\d"
_CLOCK, _MIDNIGHT = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6}0*)?)?", r"00:00(?::00(?:\.0+)?)?"
_UTC, _ZONE = r"(?: ?(?:Z|[+-]00(?::?00)?))?", r"(?: ?(?:Z|[+-]\d\d(?::?\d\d){0,2}))?"
_ERA = r"(?: BC)?|-?infinity"
# The times that a column holds whole, as regular expressions of Python and of PostgreSQL: no
# digit, zone or hour is lost.
WHOLE = {
    "date": rf"{_DAY}(?:[ T]{_MIDNIGHT}{_UTC})?{_ERA}",
    "time": rf"{_CLOCK}{_UTC}",
    "timestamp": rf"{_DAY}(?:[ T]{_CLOCK}{_UTC})?{_ERA}",
    "timestamptz": rf"{_DAY}(?:[ T]{_CLOCK}{_ZONE})?{_ERA}",
}
# PostgreSQL reads much else, but some of it as another time than it says, or as that of today.
_ISO = re.compile(rf"{_DAY}|\d\d:\d\d", re.ASCII)


def field(spec: ColumnSpec, *, is_key: bool) -> Any:
    """Return the pydantic type whose validation makes a column's source value its target value.

    A broken rule is an error of the type that names the reason of the reject.
    """
    bits = INTEGER_BITS.get(spec.type.name)
    kind: Any = Any
    if bits:
        limit = 2 ** (bits - 1)
        kind = Annotated[int, Field(ge=-limit, le=limit - 1)] | None
    return Annotated[kind, BeforeValidator(_in_turn(_rules(spec, is_key=is_key)))]


def default_of(spec: ColumnSpec) -> Any:
    """Return what the column gets instead of NULL, None for NULL.

    Raises:
        ValueError: the default breaks the column's own rules.
    """
    if spec.default is None:
        return None
    return TypeAdapter(field(spec, is_key=False)).validate_python(None)


def spelled(value: object) -> str | None:
    """Write a value as PostgreSQL does, as far as rules and people need it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def trimmed(value: Any) -> Any:
    """Cut blanks off the end of a text; leave anything else alone."""
    return value.rstrip(" ") if isinstance(value, str) else value


def _rules(spec: ColumnSpec, *, is_key: bool) -> list[Rule]:
    rules: list[Rule] = [_refusing_nul if is_key else _without_nul]
    if spec.trim:
        rules.append(trimmed)
    if spec.null_if:
        rules.append(_null_if(spec.null_if))
    if spec.default is not None:
        rules.append(_or_default(spec.default))
    if is_key or spec.required:
        rules.append(_present("null-key" if is_key else "required"))
    return [*rules, *_typed(spec.type)]


def _typed(kind: ColumnType) -> Sequence[Rule]:
    if kind.name in WHOLE:
        return [_as_text, _moment(re.compile(WHOLE[kind.name], re.ASCII))]
    argument = kind.arguments[-1] if kind.arguments else None
    rules: dict[str, Rule] = {
        "numeric": _numeric(argument),
        "text": _written,
        "varchar": _at_most(argument or 0),
        "real": _single_precision,
        "double precision": _double_precision,
        **dict.fromkeys(("boolean", "jsonb", "uuid"), _as_text),
    }
    if kind.name in INTEGER_BITS:
        return [_digits]
    return [rules[kind.name]] if kind.name in rules else []


def _in_turn(rules: list[Rule]) -> Rule:
    def checked(value: Any) -> Any:
        for rule in rules:
            value = rule(value)
        return value

    return checked


def _fault(reason: str) -> PydanticCustomError:
    return PydanticCustomError(reason, "row rule broken")


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def _refusing_nul(value: Any) -> Any:
    if isinstance(value, str) and "\0" in value:
        raise _fault("nul-in-key")
    return value


def _null_if(texts: tuple[str, ...]) -> Rule:
    return lambda value: None if spelled(value) in texts else value


def _or_default(default: Scalar) -> Rule:
    return lambda value: default if value is None else value


def _present(reason: str) -> Rule:
    def present(value: Any) -> Any:
        if value is None:
            raise _fault(reason)
        return value

    return present


def _as_text(value: Any) -> Any:
    # PostgreSQL reads these types from text, and has no cast to them from a number.
    return value if isinstance(value, str) else spelled(value)


def _numeric(scale: int | None) -> Rule:
    quantum = None if scale is None else Decimal(1).scaleb(-scale)

    def exact(value: Any) -> Any:
        try:
            number = Decimal(repr(value) if isinstance(value, float) else value)
        except (InvalidOperation, TypeError, ValueError):
            return value
        if quantum is not None and number.is_finite() and _loses(number, quantum):
            raise _fault("lossy-cast")
        return value if isinstance(value, str) else number

    return exact


def _loses(number: Decimal, quantum: Decimal) -> bool:
    # A number with more digits is out of range, and PostgreSQL says so.
    return number.adjusted() < _MOST_DIGITS and number != _EXACT.quantize(number, quantum)


def _digits(value: Any) -> Any:
    # Python reads 1_000 as a number; Redshift's text does not mean one.
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise _fault("invalid-value")
    return value


def _double_precision(value: Any) -> Any:
    if isinstance(value, int) and int(float(value)) != value:
        raise _fault("lossy-cast")
    return float(value) if isinstance(value, Single) else value


def _single_precision(value: Any) -> Any:
    if isinstance(value, float | int) and isfinite(value):
        try:
            (rounded,) = _FLOAT4.unpack(_FLOAT4.pack(value))
        except OverflowError:
            raise _fault("out-of-range") from None
        if rounded != value:
            raise _fault("lossy-cast")
    return value


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, Single) else value


def _at_most(length: int) -> Rule:
    def fitting(value: Any) -> Any:
        value = _written(value)
        if isinstance(value, str) and len(value) > length:
            raise _fault("lossy-cast")
        return value

    return fitting


def _moment(whole: re.Pattern[str]) -> Rule:
    def unshortened(value: Any) -> Any:
        if value is not None and not whole.fullmatch(value):
            raise _fault("lossy-cast" if _ISO.match(value) else "invalid-datetime")
        return value

    return unshortened
