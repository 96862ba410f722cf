"""A made-up source: rows that appear late, tie, settle and age out, and clocks that lie."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import Any

from qupersync.domain.job import Job
from qupersync.domain.watermark import Point, WatermarkType

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOTHING, MINUTE = timedelta(), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SQL = "SELECT id, state, changed FROM items WHERE changed >= :low AND changed < :high"


def moment(point: Point) -> datetime:
    """Return when a stamp begins."""
    if isinstance(point, datetime):
        return point
    assert isinstance(point, date)
    return datetime.combine(point, time(), UTC)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What stays the same for one history; every number of it is drawn."""

    kind: WatermarkType
    overlap: timedelta
    lag: timedelta
    chunk: timedelta
    initial: timedelta
    max_hold: timedelta
    settled: bool
    batch_rows: int
    source_keeps: timedelta
    target_keeps: timedelta | None
    grid: timedelta
    trims_lazily: bool
    retries: int
    load: str

    @classmethod
    def draw(cls, random: Random) -> "Setup":
        is_date = random.random() < 0.2
        return cls(
            kind=WatermarkType.DATE if is_date else WatermarkType.TIMESTAMP,
            overlap=random.choice([DAY, 2 * DAY] if is_date else [NOTHING, 10 * MINUTE, HOUR, DAY]),
            lag=random.choice([NOTHING, MINUTE, 30 * MINUTE, 3 * HOUR]),
            chunk=random.choice([DAY, 2 * DAY] if is_date else [12 * HOUR, DAY, 2 * DAY]),
            initial=random.choice([4 * HOUR, DAY, 3 * DAY]),
            max_hold=random.choice([HOUR, 12 * HOUR, 2 * DAY]),
            settled=random.random() < 0.6,
            batch_rows=random.choice([1, 2, 3, 100]),
            source_keeps=random.choice([DAY, 36 * HOUR, 3 * DAY]),
            target_keeps=random.choice([None, None, None, 2 * DAY, 5 * DAY]),
            grid=random.choice([MINUTE, 10 * MINUTE, HOUR, timedelta(microseconds=1)]),
            trims_lazily=random.random() < 0.2,
            retries=random.choice([0, 0, 5]),
            load=random.choice(["auto", "copy"]),
        )

    @property
    def is_date(self) -> bool:
        return self.kind is WatermarkType.DATE

    def stamp(self, moment: datetime) -> Any:
        """Return the stamp of a row that starts at this moment."""
        return moment.date() if self.is_date else moment

    def end(self, clock: datetime) -> Any:
        """Return where a run at this time ends: the last date is read too, for it is not over."""
        edge = clock - self.lag
        return self.stamp(edge + DAY) if self.is_date else edge

    @cached_property
    def job(self) -> Job:
        """The job that copies the world's rows."""
        hold = {"settled": {"column": "state", "values": ["done"]}, "max_hold": self.max_hold}
        watermark = {
            "column": "changed",
            "initial": self.initial,
            "overlap": self.overlap,
            "lag": self.lag,
            "chunk": self.chunk,
        }
        return Job.model_validate(
            {
                "name": "items",
                "sql": SQL,
                "target": "public.items",
                "key": ["id"],
                "columns": {"id": "integer", "state": "text", "changed": self.kind.value},
                "watermark": watermark | (hold if self.settled else {}),
                "batch_size": self.batch_rows,
                "retention": self.target_keeps,
                "load": self.load,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the source: visible from ``appears`` on, settled from ``settles`` on."""

    id: int
    stamp: Point
    appears: datetime
    settles: datetime | None


@dataclass(slots=True, kw_only=True)
class World:
    """The source as it really is; ``now`` is the true time, which only moves forward.

    Rows leave by age: nothing that begins before ``gone_before`` is there, or ever will be.
    """

    setup: Setup
    random: Random
    now: datetime = BEGIN
    skew: timedelta = NOTHING
    target_skew: timedelta = NOTHING
    rows: list[Row] = field(default_factory=list)
    gone_before: datetime = BEGIN - timedelta(days=365)

    @property
    def clock(self) -> datetime:
        """The source's own clock."""
        return self.now + self.skew

    @property
    def target_clock(self) -> datetime:
        return self.now + self.target_skew

    def visible(self) -> dict[int, Row]:
        """Return the rows that a query sees now, by id."""
        return {
            row.id: row
            for row in self.rows
            if row.appears <= self.now and moment(row.stamp) >= self.gone_before
        }

    def state(self, row: Row) -> str:
        is_settled = row.settles is not None and row.settles <= self.now
        return "done" if is_settled else "open"

    def passes(self, span: timedelta, rows: int) -> None:
        """Let time pass, and rows start in it."""
        for _ in range(rows):
            self.rows.append(self._row(self.on_grid(self.random.random() * span)))
        if self.random.random() < 0.3:
            self.rows.append(self._row_at_the_edge(self.now + span))
        self.now += span
        if not self.setup.trims_lazily:
            self.trim()

    def jumps(self, skew: timedelta) -> None:
        """Set the source's clock to another time."""
        self.skew = skew
        if not self.setup.trims_lazily:
            self.trim()

    def trim(self) -> None:
        """Drop what is too old by the source's own clock."""
        self.gone_before = max(self.gone_before, self.clock - self.setup.source_keeps)

    def forget(self) -> None:
        """Drop everything at once, as a cluster does that is restored from a snapshot."""
        self.gone_before = max(self.gone_before, self.clock)

    def on_grid(self, span: timedelta) -> timedelta:
        return span // self.setup.grid * self.setup.grid

    def _row_at_the_edge(self, ends: datetime) -> Row:
        """Return a row that lies on the end of a window that is asked for then, or just beside."""
        by = self.random.choice([-1, 0, 1]) * timedelta(microseconds=1)
        stamp = self.setup.stamp(ends + self.skew - self.setup.lag + by)
        return Row(id=len(self.rows) + 1, stamp=stamp, appears=self.now, settles=self.now)

    def _row(self, after: timedelta) -> Row:
        starts, random = self.now + after, self.random
        stamp = starts + self.skew
        if random.random() < 0.05:
            stamp += random.choice([-DAY, HOUR, DAY])  # some writer's clock is wrong
        reach = max(self.setup.overlap, 10 * MINUTE)
        delay = self.on_grid(random.choice([NOTHING, reach / 5, reach * random.random(), reach]))
        if random.random() < 0.1:
            delay *= 3
        lasts = random.choice([NOTHING, NOTHING, self.setup.max_hold / 2, self.setup.max_hold * 2])
        return Row(
            id=len(self.rows) + 1,
            stamp=self.setup.stamp(stamp),
            appears=starts + delay,
            settles=None if random.random() < 0.05 else starts + delay + self.on_grid(lasts),
        )
