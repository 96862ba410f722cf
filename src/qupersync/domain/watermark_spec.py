"""How an incremental job finds what is new, and what that asks of its columns and its SQL."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.duration import Duration, parse_duration
from qupersync.domain.query import placeholders
from qupersync.domain.table_name import Identifier
from qupersync.domain.watermark import DAY, Point, WatermarkType


class Strict(BaseModel):
    """A part of jobs.yaml: frozen, and an unknown field is an error.

    The text under a field is what an editor shows about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settled(Strict):
    """Which values of a column say that a row will not change any more."""

    column: Identifier
    """Column of the target, such as a status."""
    values: tuple[str, ...] = Field(min_length=1)
    """What the column holds in a row that will not change any more."""


def _initial(value: object) -> timedelta | datetime | int:
    if isinstance(value, timedelta | datetime) or type(value) is int:
        return value
    if not isinstance(value, str) or re.match(r"[0-9]+[wdhms]", value):
        return parse_duration(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("expected an age like 7d, an ISO time or a whole number") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _overlap(value: object) -> timedelta | int:
    if type(value) is not int:
        return parse_duration(value)
    if value < 0:
        raise ValueError("an overlap must not be negative: it would skip rows")
    return value


_AGE = WithJsonSchema({"type": ["string", "integer"]})


class WatermarkSpec(Strict):
    """How an incremental job finds what is new."""

    column: Identifier
    """Column of the target that tells when a row changed: a time, a date or a bigint."""
    initial: Annotated[timedelta | datetime | int, BeforeValidator(_initial), _AGE]
    """Where the first run starts: an age like 7d, an ISO time, or a number for a bigint."""
    overlap: Annotated[timedelta | int, BeforeValidator(_overlap), _AGE]
    """How far behind the watermark to read again, for rows that appear late; none is 0s."""
    lag: Duration = timedelta(seconds=30)
    """How far to stay behind Redshift's clock."""
    settled: Settled | None = None
    """Which rows will not change any more; the others hold the watermark back."""
    max_hold: Duration = timedelta(hours=24)
    """For how long a row that is not settled may hold the watermark back."""
    chunk: Duration = DAY
    """How long the pieces are in which a long window is read and committed."""

    def initial_for(self, kind: WatermarkType) -> timedelta | Point:
        """Return ``initial`` as an age, or as a point of the watermark's type."""
        if kind is WatermarkType.DATE and isinstance(self.initial, datetime):
            return self.initial.astimezone(UTC).date()
        return self.initial


def watermark_problems(
    spec: WatermarkSpec, columns: Mapping[str, ColumnSpec | None]
) -> Iterator[str]:
    """Yield why a watermark cannot work on these columns; None is one that nobody could read."""
    wanted = {"watermark": spec.column} | ({"settled": spec.settled.column} if spec.settled else {})
    for role, name in wanted.items():
        if columns and name not in columns:
            yield f"{role} column {name!r} is not in columns"
    column = columns.get(spec.column)
    if column is not None:
        yield from _type_problems(spec, str(column.type))
    yield from _number_problems(spec)


def _type_problems(spec: WatermarkSpec, kind: str) -> Iterator[str]:
    if kind not in set(WatermarkType):
        yield f"{spec.column!r} is {kind}; a watermark is {', '.join(WatermarkType)}"
    elif (kind == WatermarkType.BIGINT) is not isinstance(spec.overlap, int):
        yield f"the overlap of a {kind} watermark is {_measure(spec, kind)}"
    elif kind == WatermarkType.DATE and min(spec.chunk, _age(spec.overlap)) < DAY:
        yield "a date watermark works in whole days: overlap and chunk are at least 1d"


def _measure(spec: WatermarkSpec, kind: str) -> str:
    return "a whole number" if kind == WatermarkType.BIGINT else f"a duration, not {spec.overlap}"


def _age(overlap: timedelta | int) -> timedelta:
    return overlap if isinstance(overlap, timedelta) else timedelta()


def _number_problems(spec: WatermarkSpec) -> Iterator[str]:
    if isinstance(spec.overlap, int) is not isinstance(spec.initial, int):
        yield "initial and overlap are both times, or both whole numbers"
    timed = {"chunk", "lag", "max_hold", "settled"} & spec.model_fields_set
    if isinstance(spec.overlap, int) and timed:
        yield f"a bigint watermark has no clock and takes no {', '.join(sorted(timed))}"
    if spec.chunk <= timedelta():
        yield "chunk must be longer than nothing"


def sql_problems(texts: Sequence[str | None], spec: WatermarkSpec | None) -> Iterator[str]:
    """Yield which placeholders the texts lack, and which they have too many."""
    wanted = {"low", "high"} if spec else set[str]()
    if spec and isinstance(spec.overlap, int):
        wanted = {"low"}
    if texts and all(text is None for text in texts):
        return
    for text in dict.fromkeys(text for text in texts if text is not None):
        found = placeholders(text)
        if missing := wanted - found:
            yield f"the SQL must use :{' and :'.join(sorted(missing, reverse=True))}"
        if extra := found - wanted:
            yield f"the SQL must not use :{' and :'.join(sorted(extra, reverse=True))}"
