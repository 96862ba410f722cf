"""Warehouses of a test's own, and what the built-in jobs read from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from ruamel.yaml import YAML

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.warehouse import Flavor, build_warehouse
from qupersync.domain import job as domain
from qupersync.domain.query import bound
from qupersync.domain.watermark import Window
from qupersync.domain.watermark_spec import WatermarkSpec

NOW = datetime(2026, 3, 9, 15, 30, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[2]

Row = dict[str, Any]


def built_in_jobs() -> dict[str, domain.Job]:
    file = YAML(typ="safe").load(REPOSITORY / "jobs.yaml")
    return {
        name: domain.Job(name=name, **file["defaults"] | fields)
        for name, fields in file["jobs"].items()
    }


JOBS = built_in_jobs()


@contextmanager
def a_database(server: PostgresAddress) -> Iterator[str]:
    name = sql.Identifier(f"standin_{uuid4().hex[:12]}")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield server.conninfo(name.as_string().strip('"'))
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def a_warehouse(
    server: PostgresAddress, flavor: Flavor, *, rows: int = 2_000, seed: int = 1
) -> Iterator[psycopg.Connection]:
    with a_database(server) as conninfo:
        with psycopg.connect(conninfo) as builder:
            build_warehouse(builder, flavor=flavor, rows=rows, seed=seed, now=NOW)
        with psycopg.connect(conninfo) as connection:
            yield connection


def watermark_of(job: domain.Job) -> WatermarkSpec:
    assert job.watermark is not None
    return job.watermark


def in_days(window: Window) -> Window:
    low, high = window.low, window.high
    assert isinstance(low, datetime)
    assert isinstance(high, datetime)
    return Window(low.date(), high.date() + timedelta(days=1))


def in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def read(
    connection: psycopg.Connection, job: domain.Job, flavor: Flavor, window: Window | None
) -> list[Row]:
    text = job.sql_for(domain.Flavor(flavor))
    assert text is not None
    cursor = connection.execute(bound(text, window).encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def everything(connection: psycopg.Connection, flavor: Flavor, name: str) -> list[Row]:
    """Read the whole log, or for a snapshot what is there now."""
    job, week = JOBS[name], Window(NOW - timedelta(days=8), NOW)
    if job.mode == "snapshot":
        return read(connection, job, flavor, None)
    return read(connection, job, flavor, in_days(week) if name == "table_scan_stats" else week)


def comparable(connection: psycopg.Connection, rows: list[Row], *without: str) -> list[str]:
    """Drop what differs between databases: the ids of tables, and the name of the database."""
    here = connection.info.dbname
    return sorted(
        str(
            [
                "dev" if value == here else value
                for name, value in row.items()
                if name not in {"table_id", *without}
            ]
        )
        for row in rows
    )


def by_key(job: domain.Job, rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[name] for name in job.key): row for row in rows}
