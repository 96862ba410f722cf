"""A job: what to read, where it goes, and under which rules; one frozen model for all of it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from qupersync.domain.allowance import Allowance, RowsOrShare
from qupersync.domain.columns import Column, ColumnSpec
from qupersync.domain.duration import Duration, parse_duration
from qupersync.domain.query import placeholders
from qupersync.domain.table_name import Identifier, Target
from qupersync.domain.watermark import DAY, Point, WatermarkType

NAME_PATTERN = r"[a-z][a-z0-9_]{0,62}"
T = TypeVar("T")


class Flavor(StrEnum):
    """The two kinds of Redshift; some views exist on one only."""

    PROVISIONED = "provisioned"
    SERVERLESS = "serverless"


class Strict(BaseModel):
    """A part of jobs.yaml: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settled(Strict):
    """Which values of a column say that a row will not change any more."""

    column: Identifier
    values: tuple[str, ...] = Field(min_length=1)


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
    initial: Annotated[timedelta | datetime | int, BeforeValidator(_initial), _AGE]
    overlap: Annotated[timedelta | int, BeforeValidator(_overlap), _AGE]
    lag: Duration = timedelta(seconds=30)
    settled: Settled | None = None
    max_hold: Duration = timedelta(hours=24)
    chunk: Duration = DAY

    def initial_for(self, kind: WatermarkType) -> timedelta | Point:
        """Return ``initial`` as an age, or as a point of the watermark's type."""
        if kind is WatermarkType.DATE and isinstance(self.initial, datetime):
            return self.initial.astimezone(UTC).date()
        return self.initial


class SqlByFlavor(Strict):
    """One text for each kind of Redshift; a job without one for the kind at hand is skipped."""

    provisioned: str | None = None
    serverless: str | None = None


class Options(Strict):
    """The fields that ``defaults`` may set for every job."""

    batch_size: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    max_rejects: RowsOrShare = Allowance(rows=100)
    max_delete: RowsOrShare = Allowance(share=0.5)
    timeout: Duration = timedelta(hours=1)
    expect_every: Duration | None = None
    retention: Duration | None = None
    load: Literal["auto", "copy", "executemany"] = "auto"


class Job(Options):
    """One job of jobs.yaml; a job that exists hangs together."""

    name: Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
    description: str = ""
    tags: tuple[str, ...] = ()
    target: Target
    mode: Literal["incremental", "snapshot"] = "incremental"
    columns: dict[Identifier, Column] = Field(default_factory=dict)
    key: tuple[Identifier, ...] = Field(min_length=1)
    watermark: Annotated[WatermarkSpec | None, Field(validate_default=True)] = None
    sql_file: str | None = None
    sql: Annotated[str | SqlByFlavor | None, Field(validate_default=True)] = None
    delete_missing: bool = True

    @field_validator("key")
    @classmethod
    def _key_is_made_of_columns(cls, key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _checked(key, _key_problems(key, info.data.get("columns", {})))

    @field_validator("watermark")
    @classmethod
    def _watermark_fits(
        cls, spec: WatermarkSpec | None, info: ValidationInfo
    ) -> WatermarkSpec | None:
        if not {"mode", "columns"} <= info.data.keys():
            return spec
        if (spec is None) is (info.data["mode"] == "incremental"):
            raise ValueError("mode incremental needs a watermark, mode snapshot takes none")
        if info.data.get("retention") and (spec is None or isinstance(spec.overlap, int)):
            raise ValueError("retention needs a watermark that is a time")
        return spec and _checked(spec, watermark_problems(spec, info.data["columns"]))

    @field_validator("sql")
    @classmethod
    def _sql_fits(
        cls, sql: str | SqlByFlavor | None, info: ValidationInfo
    ) -> str | SqlByFlavor | None:
        if (sql is None) is (info.data.get("sql_file") is None):
            raise ValueError("give either sql or sql_file")
        if isinstance(sql, SqlByFlavor) and not any(_by_flavor(sql)):
            raise ValueError("give the SQL of provisioned, of serverless, or of both")
        if "watermark" not in info.data:
            return sql
        return _checked(sql, _sql_problems(_by_flavor(sql), info.data["watermark"]))

    @field_validator("retention")
    @classmethod
    def _retention_is_positive(cls, retention: timedelta | None) -> timedelta | None:
        if retention == timedelta():
            raise ValueError("retention must be longer than nothing")
        return retention

    def sql_for(self, flavor: Flavor) -> str | None:
        """Return the text for this kind of Redshift, or None where the job has none."""
        return dict(zip(Flavor, _by_flavor(self.sql), strict=True))[flavor]


def _checked(value: T, problems: Iterator[str]) -> T:
    complaints = list(problems)
    if complaints:
        raise ValueError("; ".join(complaints))
    return value


def _by_flavor(sql: str | SqlByFlavor | None) -> tuple[str | None, str | None]:
    return (sql.provisioned, sql.serverless) if isinstance(sql, SqlByFlavor) else (sql, sql)


def _key_problems(key: tuple[str, ...], columns: Mapping[str, ColumnSpec]) -> Iterator[str]:
    for name, count in Counter(key).items():
        if count > 1:
            yield f"{name!r} stands {count} times in the key"
        if columns and name not in columns:
            yield f"key column {name!r} is not in columns"


def watermark_problems(spec: WatermarkSpec, columns: Mapping[str, ColumnSpec]) -> Iterator[str]:
    """Yield why a watermark cannot work on these columns; on none, only what can be known."""
    if columns and spec.column not in columns:
        yield f"watermark column {spec.column!r} is not in columns"
    elif columns:
        kind = str(columns[spec.column].type)
        if kind not in set(WatermarkType):
            yield f"{spec.column!r} is {kind}; a watermark is {', '.join(WatermarkType)}"
        elif (kind == WatermarkType.BIGINT) is not isinstance(spec.overlap, int):
            yield f"the overlap of a {kind} watermark is {_measure(spec, kind)}"
        elif kind == WatermarkType.DATE and min(spec.chunk, _age(spec.overlap)) < DAY:
            yield "a date watermark works in whole days: overlap and chunk are at least 1d"
    if columns and spec.settled and spec.settled.column not in columns:
        yield f"settled column {spec.settled.column!r} is not in columns"
    yield from _number_problems(spec)


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


def _sql_problems(texts: Sequence[str | None], spec: WatermarkSpec | None) -> Iterator[str]:
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
