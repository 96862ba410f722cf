"""``ports.Source`` in memory: answers what the text of a query asks of a world."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import ge, gt, lt
from random import Random
from typing import Any

from qupersync.domain.batch import Batch, Decoded, Row
from qupersync.domain.watermark import Point
from tests.simulation.world import World

COMPARED = re.compile(r"changed (>=|>|<) (?:timestamp|date) '([^']+)'")
COMPARE = {">=": ge, ">": gt, "<": lt}
OLDEST = 'SELECT CAST(CASE WHEN min(CASE WHEN CAST("changed" AS '
NAMES = ("id", "state", "changed")


@dataclass(slots=True)
class Source:
    """Reads the world as the text of the query says."""

    world: World

    def clock(self) -> datetime:
        return self.world.clock

    def ask(self, sql: str, *, limit_s: float | None = None) -> Row:
        assert sql.startswith(OLDEST), sql
        return (min((str(row[2]) for row in self._rows(sql)), default=None),)

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        rows = self._rows(sql)
        # A query without ORDER BY owes nobody an order.
        Random(len(rows)).shuffle(rows)  # noqa: S311 - the same whenever it is played again
        for at in range(0, max(len(rows), 1), batch_rows):
            part = rows[at : at + batch_rows]
            yield _batch(part)

    def _rows(self, sql: str) -> list[Row]:
        bounds = COMPARED.findall(sql)
        assert len(bounds) == 2, sql
        tests = [(COMPARE[sign], self._point(text)) for sign, text in bounds]
        return [
            (row.id, self.world.state(row), _text(row.stamp))
            for row in self.world.visible().values()
            if all(holds(row.stamp, point) for holds, point in tests)
        ]

    def _point(self, literal: str) -> Any:
        if self.world.setup.is_date:
            return date.fromisoformat(literal)
        # A timestamp has no zone: Redshift reads over one that is written.
        return datetime.fromisoformat(literal).replace(tzinfo=UTC)


def _batch(rows: list[Row]) -> Batch:
    numbers = [str(at).encode() for at in range(len(rows))]
    return Batch(
        names=NAMES,
        payloads=numbers,
        payload_format="",
        decode=lambda payloads: Decoded(rows=[rows[int(number)] for number in payloads]),
    )


def _text(point: Point) -> str:
    # As a database in UTC spells it: without a zone.
    return str(point.replace(tzinfo=None) if isinstance(point, datetime) else point)
