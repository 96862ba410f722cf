"""How QuperSync's cost grows with rows, columns and overlap, and what its start costs."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.contestants import (
    QUPERSYNC,
    SOURCE_DATABASE,
    Contestant,
    Place,
    psql_pipe,
    url,
)
from bench.race import Track, source_tables
from bench.shapes import MIXED, TABLE, WIDE, Shape

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn

ROWS = (50_000, 200_000, 500_000, 1_000_000)
COLUMNS = (4, 15, 30, 60)
CHANGED_PERCENT = (0, 10, 50, 100)
_EIGHT = ("one", "two", "three", "four", "five", "six", "seven", "eight")
_CATALOG = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
"""
_JOB = """
  {name}:
    sql: SELECT * FROM {table} WHERE id <= 100
    target: quper.{name}
    key: [id]
    mode: snapshot
    columns: {{{columns}}}
"""


def growth(track: Track, contestant: Contestant, *, quick: bool) -> Iterator[dict[str, object]]:
    """Load tables that differ in one thing; ``again`` is a second load with what has changed.

    ``quick`` looks at the least and the most alone, and at less of both.
    """
    scale, step = (0.05, 3) if quick else (1.0, 1)
    for rows in (int(rows * scale) for rows in ROWS[::step]):
        yield {"kind": "rows", "of": f"{rows:,}", **_two(track, contestant, MIXED, rows, 0)}
    rows = int(100_000 * scale)
    for columns in COLUMNS[::step]:
        shape = WIDE.first(columns)
        kind = f"columns, {rows:,} rows"
        yield {"kind": kind, "of": columns, **_two(track, contestant, shape, rows, 0)}
    rows = int(200_000 * scale)
    for percent in CHANGED_PERCENT[::step]:
        kind = f"changed since, {rows:,} rows"
        yield {
            "kind": kind,
            "of": f"{percent} %",
            **_two(track, contestant, MIXED, rows, percent),
        }


def _two(
    track: Track, contestant: Contestant, shape: Shape, rows: int, percent: int
) -> Mapping[str, float]:
    with source_tables(track, shape, rows, percent):
        place = track.prepare(contestant, shape, 0)
        empty_mb = _catalog_mb(track, place)
        first = track.load(contestant, shape, place, again=False)
        catalog_mb = _catalog_mb(track, place) - empty_mb
        track.swap("before", "after")
        second = track.load(contestant, shape, place, again=True)
        equal = track.equal(shape, place)
        track.swap("after", "before")
        track.forget(place)
    if first.error or second.error or not equal:
        sys.exit(f"{first.error} {second.error} equal: {equal}")
    return {
        "insert": first.seconds,
        "again": second.seconds,
        "peak_mb": max(first.peak_mb, second.peak_mb),
        "catalog_mb": catalog_mb,
    }


def door(track: Track, rows: int) -> Mapping[str, float]:
    """Read a table with psql: directly, through the gate, and through the demo's stand-in."""
    with source_tables(track, MIXED, rows), StandIn(upstream=track.source.address) as stand_in:
        redshift = PostgresAddress(
            host=stand_in.host, port=stand_in.port, user=stand_in.user, password=stand_in.password
        )
        ways = {
            "directly": track.source.address,
            "through the gate, as all do here": track.door,
            "through the stand-in of the demo": redshift,
        }
        return {way: _read(track, address) * 1_000_000 / rows for way, address in ways.items()}


def _read(track: Track, address: PostgresAddress) -> float:
    place = Place(source=address, target=address, database=SOURCE_DATABASE, folder=track.folder)
    environ = psql_pipe("").command(place, MIXED, again=False).environ
    copy = f"COPY {TABLE} TO STDOUT (FORMAT binary)"
    words = [environ["PSQL"], url(address, SOURCE_DATABASE), "-qXc", copy]
    return _median_seconds(words, track.folder, environ)


def start(track: Track, contestant: Contestant) -> Mapping[str, float]:
    """Time what a person waits for: the help, a completion, and eight small jobs."""
    with source_tables(track, MIXED, 1000), StandIn(upstream=track.source.address) as stand_in:
        redshift = PostgresAddress(
            host=stand_in.host, port=stand_in.port, user=stand_in.user, password=stand_in.password
        )
        place = track.prepare(contestant, MIXED, 0)
        here = Place(
            source=redshift, target=place.target, database=place.database, folder=place.folder
        )
        environ = contestant.command(here, MIXED, again=False).environ
        _write_eight(here)
        for name in _EIGHT:
            _run([*QUPERSYNC, "db", "create", name], here.folder, environ)
        typed = {"_QUPERSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "qupersync run o"}
        completion = {**environ, **typed, "COMP_CWORD": "2"}
        times = {
            "qupersync --help": _median_seconds([*QUPERSYNC, "--help"], here.folder, environ),
            "completion of a job's name": _median_seconds(QUPERSYNC, here.folder, completion),
            "qupersync run --all, 8 small jobs through the stand-in": _median_seconds(
                [*QUPERSYNC, "run", "--all", "-q"], here.folder, environ
            ),
        }
        track.forget(place)
    return times


def _write_eight(place: Place) -> None:
    columns = ", ".join(f'{name}: "{kind}"' for name, kind in MIXED.types())
    jobs = "".join(_JOB.format(name=name, table=TABLE, columns=columns) for name in _EIGHT)
    (place.folder / "jobs.yaml").write_text(f"version: 1\njobs:{jobs}")


def _median_seconds(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float:
    return median(_run(words, folder, environ) for _ in range(5))


def _run(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _catalog_mb(track: Track, place: Place) -> float:
    """Return the size of the target's catalog, which each staging table makes larger."""
    return float(track.target.value(place.database, _CATALOG)) / 1_000_000
