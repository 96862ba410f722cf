"""Medians, ratios and tables of a run's JSON; writes them into docs/performance.md."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.race import PHASES

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
Record = Mapping[str, Any]
_RATIOS = ("times the first", "in one round")
_HEADING = ("", *(f"{phase}, s" for phase in PHASES), "peak MB", "runs", *_RATIOS)


def main() -> None:
    """Write the tables of a run, named as the argument, into the page."""
    run = json.loads(Path(sys.argv[1]).read_text())
    page = PAGE.read_text()
    for name, table in tables(run).items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        end = f"<!-- /{name} -->"
        page = f"{before}<!-- {name} -->\n{table}\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page)


def tables(run: Record) -> Mapping[str, str]:
    """Return the Markdown of each part of a run, by the name of its place on the page."""
    made = {
        "machine": "\n".join(f"- {name}: {value}" for name, value in run["machine"].items()),
        "door": _seconds_of("one million rows read with psql", run["door"]),
        "race": "\n\n".join(_race(run["loads"])),
        "processors": _lines(
            ("insert of the largest table", "itself", "source", "target", "cores busy"),
            _processors(run["loads"]),
        ),
        "growth": "\n\n".join(_growth(run["growth"])),
        "profile": _lines(
            ("function of QuperSync or of a library", "share"),
            [(f"`{name}`", f"{share:.0%}") for name, share in run["profile"].items()],
        ),
        "start": _seconds_of("command", run["start"]),
    }
    return {name: table for name, table in made.items() if table}


def _race(loads: Sequence[Record]) -> Iterator[str]:
    for shape, rows in dict.fromkeys((load["shape"], load["rows"]) for load in loads):
        here = [load for load in loads if (load["shape"], load["rows"]) == (shape, rows)]
        yield f"**{rows:,} rows of {shape}**\n\n" + _lines(_HEADING, _ranking(here))


def _ranking(loads: Sequence[Record]) -> Iterator[Sequence[object]]:
    names = list(dict.fromkeys(load["contestant"] for load in loads))
    first = {phase: _seconds(loads, names[0], phase) for phase in PHASES}
    for name in names:
        mine = [load for load in loads if load["contestant"] == name]
        if failed := next((load for load in mine if load["error"] or not load["equal"]), None):
            why = failed["error"].splitlines() or ["the target differed from the source"]
            yield name, f"failed at {failed['phase']}: {why[-1][:120]}", "", "", "", "", "", ""
            continue
        seconds = {phase: _seconds(loads, name, phase) for phase in PHASES}
        ratios = [seconds[phase] / first[phase] for phase in PHASES]
        in_rounds = [_in_rounds(loads, name, names[0], phase) for phase in PHASES]
        yield (
            name,
            *(f"{seconds[phase]:.2f}" for phase in PHASES),
            f"{max(load['peak_mb'] for load in mine):.0f}",
            max(load["repetition"] for load in mine),
            *(" / ".join(f"{ratio:.2f}" for ratio in each) for each in (ratios, in_rounds)),
        )


def _in_rounds(loads: Sequence[Record], name: str, first: str, phase: str) -> float:
    """Return the median of the ratios within each round: the machine is not as fast in all."""
    seconds = {
        (load["contestant"], load["repetition"]): load["seconds"]
        for load in loads
        if load["phase"] == phase
    }
    rounds = [at for one, at in seconds if one == name and (first, at) in seconds]
    return median(float(seconds[name, at]) / float(seconds[first, at]) for at in rounds)


def _seconds(loads: Sequence[Record], name: str, phase: str) -> float:
    return median(
        float(load["seconds"])
        for load in loads
        if (load["contestant"], load["phase"]) == (name, phase)
    )


def _processors(loads: Sequence[Record]) -> Iterator[Sequence[object]]:
    largest = max(loads, key=lambda load: load["rows"], default={"rows": 0, "shape": ""})
    place = (largest["rows"], largest["shape"], PHASES[0])
    here = [load for load in loads if (load["rows"], load["shape"], load["phase"]) == place]
    for name in dict.fromkeys(load["contestant"] for load in here):
        mine = [load for load in here if load["contestant"] == name]
        parts = [
            median(load[part] for load in mine)
            for part in ("cpu_seconds", "source_cpu_seconds", "target_cpu_seconds")
        ]
        busy = sum(parts) / median(load["seconds"] for load in mine)
        yield name, *(f"{part:.1f}" for part in parts), f"{busy:.1f}"


def _growth(steps: Sequence[Record]) -> Iterator[str]:
    for kind in dict.fromkeys(step["kind"] for step in steps):
        rows = [
            (
                step["of"],
                f"{step['insert']:.2f}",
                f"{step['again']:.2f}",
                f"{step['peak_mb']:.0f}",
                f"{step['catalog_mb']:.1f}",
            )
            for step in steps
            if step["kind"] == kind
        ]
        yield _lines((kind, "insert, s", "again, s", "peak MB", "catalog grew, MB"), rows)


def _seconds_of(heading: str, times: Mapping[str, float]) -> str:
    return _lines((heading, "seconds"), [(what, f"{time:.2f}") for what, time in times.items()])


def _lines(heading: Sequence[str], rows: Any) -> str:
    lines = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    if not lines:
        return ""
    cells = [list(heading), ["---"] * len(heading), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


if __name__ == "__main__":
    main()
