"""A job: what to read, where it goes, and under which rules; one frozen model for all of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import (
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from qupersync.domain.allowance import Allowance, RowsOrShare
from qupersync.domain.columns import Column, ColumnSpec
from qupersync.domain.duration import Duration
from qupersync.domain.table_name import Identifier, Target
from qupersync.domain.watermark_spec import (
    Strict,
    WatermarkSpec,
    sql_problems,
    watermark_problems,
)

NAME_PATTERN = r"[a-z][a-z0-9_]{0,62}"
T = TypeVar("T")


class Flavor(StrEnum):
    """The two kinds of Redshift; some views exist on one only."""

    PROVISIONED = "provisioned"
    SERVERLESS = "serverless"


class SqlByFlavor(Strict):
    """One text for each kind of Redshift; a job without one for the kind at hand is skipped."""

    provisioned: str | None = None
    """One SELECT for a provisioned cluster."""
    serverless: str | None = None
    """One SELECT for Redshift Serverless."""


class Options(Strict):
    """The fields that ``defaults`` may set for every job."""

    batch_size: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """Rows in one target transaction; left out, as SYNC_BATCH_SIZE says."""
    max_rejects: RowsOrShare = Allowance(rows=100)
    """How many rows of a run may be set aside before it fails: a number, or a share like 1%."""
    max_delete: RowsOrShare = Allowance(share=0.5)
    """How many rows of the target a snapshot may delete: a number, or a share like 50%."""
    timeout: Duration = timedelta(hours=1)
    """How long one run of the job may take."""
    expect_every: Duration | None = None
    """How often it should succeed; left out, as SYNC_INTERVAL_SECONDS says."""
    retention: Duration | None = None
    """How old, by the watermark column, rows of the target may become. Left out, they stay."""
    load: Literal["auto", "copy", "executemany"] = "auto"
    """How rows are written to the target."""


class Job(Options):
    """One job of jobs.yaml; a job that exists hangs together."""

    name: Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
    description: str = ""
    """What one row is, for people."""
    tags: tuple[str, ...] = ()
    """Words to choose jobs by, as in: qupersync run --tag logs."""
    target: Target
    """Table to fill: table or schema.table; the schema is quper if left out."""
    mode: Literal["incremental", "snapshot"] = "incremental"
    """incremental reads what changed since the last run; snapshot mirrors the whole result."""
    columns: dict[Identifier, Column] = Field(default_factory=dict)
    """Columns of the target, in order, with their types; left out, those that the table has."""
    key: tuple[Identifier, ...] = Field(min_length=1)
    """Columns by which a row is known again; the target has a unique index on exactly these."""
    watermark: Annotated[WatermarkSpec | None, Field(validate_default=True)] = None
    """How to find what changed; mode incremental needs it, mode snapshot takes none."""
    sql_file: str | None = None
    """File with the SQL, in the folder of this file or below, instead of sql."""
    sql: Annotated[str | SqlByFlavor | None, Field(validate_default=True)] = None
    """One SELECT, or one for each kind of Redshift; :low and :high become the window to read."""
    delete_missing: bool = True
    """Whether a snapshot deletes what the query no longer returns."""

    @model_validator(mode="before")
    @classmethod
    def _remember_columns(cls, data: object, info: ValidationInfo) -> object:
        # A mistake in one column must not hide that the key names another: see _columns.
        if isinstance(info.context, dict) and isinstance(data, dict):
            info.context["columns"] = data.get("columns")
        return data

    @field_validator("key")
    @classmethod
    def _key_is_made_of_columns(cls, key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _checked(key, _key_problems(key, _columns(info)))

    @field_validator("watermark")
    @classmethod
    def _watermark_fits(
        cls, spec: WatermarkSpec | None, info: ValidationInfo
    ) -> WatermarkSpec | None:
        if "mode" not in info.data:
            return spec
        if (spec is None) is (info.data["mode"] == "incremental"):
            raise ValueError("mode incremental needs a watermark, mode snapshot takes none")
        if info.data.get("retention") and (spec is None or isinstance(spec.overlap, int)):
            raise ValueError("retention needs a watermark that is a time")
        return spec and _checked(spec, watermark_problems(spec, _columns(info)))

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
        return _checked(sql, sql_problems(_by_flavor(sql), info.data["watermark"]))

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


def _columns(info: ValidationInfo) -> Mapping[str, ColumnSpec | None]:
    if "columns" in info.data:
        return dict(info.data["columns"])
    written = (info.context or {}).get("columns")
    return dict.fromkeys(written) if isinstance(written, dict) else {}


def _by_flavor(sql: str | SqlByFlavor | None) -> tuple[str | None, str | None]:
    return (sql.provisioned, sql.serverless) if isinstance(sql, SqlByFlavor) else (sql, sql)


def _key_problems(key: tuple[str, ...], columns: Mapping[str, ColumnSpec | None]) -> Iterator[str]:
    for name, count in Counter(key).items():
        if count > 1:
            yield f"{name!r} stands {count} times in the key"
        if columns and name not in columns:
            yield f"key column {name!r} is not in columns"
