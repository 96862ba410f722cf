"""Loads the same tables with every contestant, in turns, and checks that all end up equal."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contestants import QUPERSYNC, SCHEMA, SOURCE_DATABASE, Contestant, Place, psql_pipe
from bench.gate import gate
from bench.processes import Outcome
from bench.servers import Server, server
from bench.shapes import TABLE, Shape

from qupersync.demo.postgres import PostgresAddress

INSERT, AGAIN, CHANGED = "insert", "unchanged", "10 % changed"
PHASES = (INSERT, AGAIN, CHANGED)
_TIMEOUT_S = 900.0
_TOO_SLOW_TO_REPEAT_S = 20.0
# What QuperSync asks a Redshift and a PostgreSQL does not know.
_AS_REDSHIFT = (
    "CREATE FUNCTION getdate() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    "CREATE TABLE stv_slices AS SELECT 0 AS slice",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One timed load; ``equal`` says whether the target then held what the source held."""

    shape: str
    rows: int
    contestant: str
    repetition: int
    phase: str
    outcome: Outcome
    source_cpu_seconds: float
    target_cpu_seconds: float
    equal: bool

    def as_dict(self) -> dict[str, object]:
        fields = asdict(self)
        return {**fields, **fields.pop("outcome")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contestant in its place, about to load one table."""

    contestant: Contestant
    place: Place
    shape: Shape
    rows: int
    repetition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Two servers and the door to the first of them."""

    source: Server
    target: Server
    door: PostgresAddress
    folder: Path

    def prepare(self, contestant: Contestant, shape: Shape, number: int) -> Place:
        """Make a database and a folder of the contestant's own, with the empty target in it."""
        database = f"target_{number}"
        folder = self.folder / database
        folder.mkdir()
        place = Place(
            source=self.door, target=self.target.address, database=database, folder=folder
        )
        self.target.run("postgres", f"CREATE DATABASE {database}")
        self.target.run(database, f"CREATE SCHEMA {SCHEMA}")
        contestant.prepare(place, shape)
        if (folder / "jobs.yaml").exists():
            upgrade = [*QUPERSYNC, "db", "upgrade"]
            environ = contestant.command(place, shape, again=False).environ
            subprocess.run(upgrade, cwd=folder, env=environ, check=True, capture_output=True)
        self.target.run(database, shape.target_table(SCHEMA))
        return place

    def load(self, contestant: Contestant, shape: Shape, place: Place, *, again: bool) -> Outcome:
        """Time one load, after what an earlier one left to do has been done."""
        self.target.run(place.database, f"VACUUM ANALYZE {SCHEMA}.{TABLE}", "CHECKPOINT")
        return contestant.command(place, shape, again=again).run(_TIMEOUT_S)

    def equal(self, shape: Shape, place: Place) -> bool:
        there = self.source.value(SOURCE_DATABASE, shape.content(TABLE))
        return there == self.target.value(place.database, shape.content(f"{SCHEMA}.{TABLE}"))

    def forget(self, place: Place) -> None:
        self.target.run("postgres", f"DROP DATABASE {place.database} WITH (FORCE)")
        shutil.rmtree(place.folder)

    def swap(self, one: str, other: str) -> None:
        """Put the table ``other`` in the place of the feed, which gets the name ``one``."""
        self.source.run(
            SOURCE_DATABASE,
            f"ALTER TABLE {TABLE} RENAME TO {one}",
            f"ALTER TABLE {other} RENAME TO {TABLE}",
        )


@contextmanager
def track(folder: Path) -> Iterator[Track]:
    """Start what a race needs; all is gone after the block."""
    with server(folder) as source, server(folder) as target, gate(source.address) as door:
        source.run("postgres", f"CREATE DATABASE {SOURCE_DATABASE}")
        source.run(SOURCE_DATABASE, *_AS_REDSHIFT)
        yield Track(source=source, target=target, door=door, folder=folder)


@contextmanager
def source_tables(track: Track, shape: Shape, rows: int, percent: int = 10) -> Iterator[None]:
    """Hold the feed at the source, and beside it ``after``: the same with some rows changed."""
    track.source.run(SOURCE_DATABASE, *shape.source_table(TABLE, rows))
    track.source.run(SOURCE_DATABASE, *shape.changed_table("after", TABLE, percent), "CHECKPOINT")
    yield
    track.source.run(SOURCE_DATABASE, f"DROP TABLE {TABLE}, after")


def race(
    track: Track, shape: Shape, rows: int, contestants: Sequence[Contestant], repetitions: int
) -> Iterator[Load]:
    """Load one table in the three phases, in turns; who took very long does not come again."""
    slow: set[str] = set()
    with source_tables(track, shape, rows):
        _warm_up(track, shape)
        for repetition in range(1, repetitions + 1):
            field = [one for one in contestants if one.name not in slow]
            entries = [
                Entry(
                    contestant=one,
                    place=track.prepare(one, shape, number),
                    shape=shape,
                    rows=rows,
                    repetition=repetition,
                )
                for number, one in enumerate(field)
            ]
            for load in _three_phases(track, _turned(entries, repetition)):
                if load.outcome.seconds > _TOO_SLOW_TO_REPEAT_S or load.outcome.error:
                    slow.add(load.contestant)
                yield load
            for entry in entries:
                track.forget(entry.place)


def _warm_up(track: Track, shape: Shape) -> None:
    """Load once without a clock: who came first made new files of WAL for all, 4 s became 5."""
    pipe = psql_pipe("")
    place = track.prepare(pipe, shape, 0)
    track.load(pipe, shape, place, again=False)
    track.forget(place)


def _turned(entries: list[Entry], repetition: int) -> list[Entry]:
    """Return them in another order each time, so that nobody always runs after the same other."""
    shift = (repetition - 1) * len(entries) // 3
    return entries[shift:] + entries[:shift]


def _three_phases(track: Track, entries: Sequence[Entry]) -> Iterator[Load]:
    for phase in (INSERT, AGAIN):
        yield from (_timed(track, entry, phase) for entry in entries)
    track.swap("before", "after")
    yield from (_timed(track, entry, CHANGED) for entry in entries)
    track.swap("after", "before")


def _timed(track: Track, entry: Entry, phase: str) -> Load:
    before = track.source.cpu_seconds(), track.target.cpu_seconds()
    outcome = track.load(entry.contestant, entry.shape, entry.place, again=phase != INSERT)
    return Load(
        shape=entry.shape.name,
        rows=entry.rows,
        contestant=entry.contestant.name,
        repetition=entry.repetition,
        phase=phase,
        outcome=outcome,
        source_cpu_seconds=track.source.cpu_seconds() - before[0],
        target_cpu_seconds=track.target.cpu_seconds() - before[1],
        equal=track.equal(entry.shape, entry.place),
    )
