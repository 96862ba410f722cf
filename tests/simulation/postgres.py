"""The model that is real: the stand-in's wire, the product's adapters and a PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.sql import SQL

from qupersync.domain.batch import Tally
from qupersync.domain.ports import Lease
from qupersync.infrastructure.postgres.heartbeat import Heartbeat
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift.source import Source
from tests.pipeline.rig import Rig
from tests.simulation.model import Stored
from tests.simulation.world import World

DROP = "DROP TABLE IF EXISTS items"
TABLE = "CREATE TABLE items (id int PRIMARY KEY, state text, changed {kind})"
FORGET = """
DELETE FROM quper.sync_logs; DELETE FROM quper.qupersync_state; DELETE FROM quper.qupersync_leases
"""
SHOW = "INSERT INTO items SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamp[])"
EXPIRE = "UPDATE quper.qupersync_leases SET lease_expires_at = now() WHERE lease_owner IS NOT NULL"
STATE = "SELECT watermark, details -> 'gaps' FROM quper.qupersync_state"
LEDGER = """
SELECT count(*)::int, coalesce(sum(rows_extracted), 0)::int, coalesce(sum(rows_inserted), 0)::int,
       coalesce(sum(rows_updated), 0)::int, coalesce(sum(rows_unchanged), 0)::int,
       coalesce(sum(rows_deduplicated), 0)::int, coalesce(sum(rows_skipped), 0)::int,
       coalesce(sum(rows_deleted), 0)::int,
       (SELECT count(*)::int FROM quper.sync_logs WHERE status = 'running')
  FROM quper.sync_batches
"""
# Each history makes its table anew, and a plan that was kept would speak of the old one.
OPTIONS: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
COUNTS = ("extracted", "inserted", "updated", "unchanged", "deduplicated", "skipped", "deleted")


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A rig, and a connection of the test's own to each of its databases."""

    rig: Rig
    source: psycopg.Connection
    target: psycopg.Connection

    def model(self, world: World) -> "Postgres":
        """Forget the last history and begin with this world."""
        table = SQL(TABLE).format(kind=SQL(world.setup.kind.value))
        for side in (self.source, self.target):
            side.execute(DROP)
            side.execute(table)
        self.target.execute(FORGET)
        return Postgres(self, world)


@contextmanager
def laboratory(rig: Rig) -> Iterator[Laboratory]:
    with (
        psycopg.connect(rig.source, **OPTIONS) as source,
        psycopg.connect(rig.target, **OPTIONS) as target,
    ):
        for side in (source, target):
            side.execute("SET timezone TO 'UTC'")
            side.execute("SET client_min_messages TO warning")
        yield Laboratory(rig, source, target)


@dataclass(frozen=True, slots=True)
class Postgres:
    """Keeps the promises of ``model.Model``."""

    laboratory: Laboratory
    world: World

    def open_source(self, limit_s: float, /) -> AbstractContextManager[Source]:
        return self.laboratory.rig.open_source(limit_s)

    def open_target(self) -> AbstractContextManager[Target]:
        return self.laboratory.rig.open_target()

    def beating(
        self,
        lease: Lease,
        limit_s: float,
        is_at_work: Callable[[], bool],
        on_cancel: Callable[[], None],
    ) -> AbstractContextManager[Callable[[], bool]]:
        heartbeat = Heartbeat(self.laboratory.rig.target, 60.0)
        return heartbeat.beating(lease, limit_s, is_at_work, on_cancel)

    def shows(self) -> None:
        source, rows = self.laboratory.source, list(self.world.visible().values())
        states = [self.world.state(row) for row in rows]
        with source.transaction():
            source.execute("UPDATE clock SET moment = %s", [self.world.clock.replace(tzinfo=None)])
            source.execute("DELETE FROM items")
            source.execute(SHOW, [[r.id for r in rows], states, [_naive(r.stamp) for r in rows]])

    def expires(self) -> None:
        self.laboratory.target.execute(EXPIRE)

    def stored(self) -> Stored:
        target = self.laboratory.target
        rows = target.execute("SELECT id, state, changed FROM items").fetchall()
        watermark, gaps = target.execute(STATE).fetchone() or (None, None)
        batches, *counts, open_runs = target.execute(LEDGER).fetchone() or (0,) * 9
        return Stored(
            watermark=self._point(watermark),
            rows={id_: (state, _aware(stamp)) for id_, state, stamp in rows},
            gaps=frozenset(
                (self._point(gap["low"]), self._point(gap["high"])) for gap in gaps or ()
            ),
            ledger=Tally(**dict(zip(COUNTS, counts, strict=True))),
            batches=batches,
            open_runs=open_runs,
        )

    def _point(self, text: str | None) -> Any:
        if text is None:
            return None
        return (date if self.world.setup.is_date else datetime).fromisoformat(text)


def _naive(stamp: Any) -> Any:
    return stamp.replace(tzinfo=None) if isinstance(stamp, datetime) else stamp


def _aware(stamp: Any) -> Any:
    return stamp.replace(tzinfo=UTC) if isinstance(stamp, datetime) else stamp
