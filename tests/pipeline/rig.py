"""A source, a target and the real pipeline between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from qupersync.application.order import Order
from qupersync.application.run_job import RunJob
from qupersync.demo.standin import StandIn
from qupersync.domain.job import Job
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run, Trigger
from qupersync.domain.watermark import Point
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.ahead import Spare
from qupersync.infrastructure.postgres.heartbeat import Heartbeat
from qupersync.infrastructure.postgres.leases import Leases
from qupersync.infrastructure.postgres.run_log import RunLog
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift import source as redshift
from qupersync.infrastructure.signals import Stop
from tests.grants import as_role

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONCE = Retry(tries=0, first_s=0)
AT_ONCE = Retry(first_s=0)
SOURCE_SCHEMA = """
CREATE TABLE clock (moment timestamp);
INSERT INTO clock VALUES ('2026-03-01 12:00:00');
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT moment FROM clock';
CREATE FUNCTION strtol(text, base int) RETURNS bigint LANGUAGE sql
  RETURN CASE base WHEN 16 THEN ('x' || lpad($1, 16, '0'))::bit(64)::bigint END;
"""
ITEMS = "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
COLUMNS = {"id": "integer", "name": "text", "changed": "timestamp"}
WATERMARK = {"column": "changed", "initial": "7d", "overlap": "1h", "lag": "0s"}
SETTLED = WATERMARK | {"settled": {"column": "name", "values": ["done"]}, "max_hold": "6h"}
JOB = {
    "name": "items",
    "sql": "SELECT * FROM items WHERE changed >= :low AND changed < :high",
    "target": "public.items",
    "key": ["id"],
    "watermark": WATERMARK,
}
SNAPSHOT = {
    "name": "items",
    "sql": "SELECT * FROM items",
    "target": "public.items",
    "key": ["id"],
    "mode": "snapshot",
}


def a_job(**fields: Any) -> Job:
    """An incremental job from the table items to public.items, keyed by id."""
    return Job.model_validate(JOB | fields)


def a_snapshot(**fields: Any) -> Job:
    """A snapshot of the table items in public.items, keyed by id."""
    return Job.model_validate(SNAPSHOT | fields)


@dataclass(kw_only=True)
class Rig:
    """Both databases by conninfo, the stand-in before the source, and what runs jobs.

    The conninfo are a superuser's; the jobs run as the roles of docs/grants.sql.
    """

    source: str
    target: str
    stand_in: StandIn
    stop: Stop = field(default_factory=Stop)
    retry: Retry = ONCE

    def at_source(self, *statements: str) -> None:
        _execute(self.source, statements)

    def at_target(self, *statements: str) -> None:
        _execute(self.target, statements)

    def at_both(self, *statements: str) -> None:
        self.at_source(*statements)
        self.at_target(*statements)

    def rows(self, query: str) -> list[Any]:
        """What the target answers."""
        return _rows(self.target, query)

    def source_rows(self, query: str) -> list[Any]:
        """What the source answers, without the stand-in."""
        return _rows(self.source, query)

    def run(self, job: Job, *, owner: str = "test", **order: Any) -> Run:
        """Run a job through the real use case, the real driver and a real PostgreSQL."""
        return self.use_case(owner)(job, self.order(**order))

    def order(self, **fields: Any) -> Order:
        usual = Order(source="default", trigger=Trigger.MANUAL, correlation_id=uuid4())
        return replace(usual, **fields)

    def use_case(self, owner: str = "test") -> RunJob:
        return RunJob(
            open_source=self.open_source,
            open_target=lambda: self.open_target(owner),
            heartbeat=Heartbeat(self.writer, 60.0),
            clock=lambda: datetime.now(UTC),  # noqa: TID251 - the runs' own times are real
            new_id=uuid4,
            stop=self.stop,
            retry=self.retry,
            chance=lambda: 1.0,
        )

    @property
    def writer(self) -> str:
        return as_role(self.target, "quper_writer")

    @contextmanager
    def open_target(self, owner: str = "test", source: str = "default") -> Iterator[Target]:
        writer = partial(postgres.connected, self.writer)
        with writer() as session, Spare(writer) as spare:
            leases = Leases(session, source, owner, 60.0)
            yield Target(session, leases, RunLog(session, "host", 1, "0"), spare)

    @contextmanager
    def open_source(self, limit_s: float) -> Iterator[redshift.Source]:
        options = {
            "host": self.stand_in.host,
            "port": self.stand_in.port,
            "database": conninfo_to_dict(self.source)["dbname"],
            "user": self.stand_in.user,
            "password": "quper",  # the stand-in may be told to want another
            "ssl": False,
        }
        with redshift.connected(options, fetch_rows=1000, limit_s=limit_s) as source:
            yield source


def tables(rig: Rig, key: str = "int", given: str = "") -> Rig:
    """Make items with a key, name and changed; at the source nothing refuses a hostile key."""
    columns = "name text, changed timestamp)"
    rig.at_source(f"CREATE TABLE items (id {given or key}, {columns}")
    rig.at_target(f"CREATE TABLE items (id {key} PRIMARY KEY, {columns}")
    return rig


def add(rig: Rig, *rows: str) -> None:
    """Add rows of items at the source, in this order, each as the SQL of its key and name."""
    rig.at_source(*(f"INSERT INTO items VALUES ({row}, '2026-03-01 11:30')" for row in rows))


def correct(rig: Rig, job: Job, watermark: Point | None) -> None:
    """Set the watermark on somebody's word, or reset it."""
    with rig.open_target() as target:
        lease = target.leases.claim(job, owner=uuid4())
        assert lease is not None
        target.table(job, lease).correct(watermark, "somebody")
        target.leases.release(lease)


def _execute(conninfo: str, statements: tuple[str, ...]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        for statement in statements:
            connection.execute(statement.encode())


def _rows(conninfo: str, query: str) -> list[Any]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        return connection.execute(query.encode()).fetchall()
