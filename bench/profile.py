"""Where QuperSync's own processor time goes: a sampling profile of one load, by function."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from bench.contestants import Contestant
from bench.race import Track, source_tables
from bench.rivals import installed
from bench.shapes import MIXED

_TIMEOUT_S = 900.0
_LINE = re.compile(r"(.*) (\d+)")
_FILE = re.compile(r"\((?:.*site-packages/|.*/src/)?(.*?)(:\d+)?\)")
_SHOWN = 12


def profile(track: Track, contestant: Contestant, rows: int) -> Mapping[str, float]:
    """Return each busy function's share of the time that Python was busy, its callees left out.

    Waiting counts nothing, and neither does C code that lets other threads run.
    """
    with source_tables(track, MIXED, rows):
        place = track.prepare(contestant, MIXED, 0)
        command = contestant.command(place, MIXED, again=False)
        samples = place.folder / "samples"
        spy = [str(installed("py-spy") / "bin" / "py-spy"), "record", "--gil", "--rate", "200"]
        words = [*spy, "--format", "raw", "--output", str(samples), "--", *command.words]
        outcome = replace(command, words=words).run(_TIMEOUT_S)
        counts = _counts(samples.read_text()) if samples.exists() else Counter()
        track.forget(place)
    if not counts:
        return {f"no profile: {outcome.error[-200:]}": 0.0}
    total = counts.total()
    return {name: count / total for name, count in counts.most_common(_SHOWN)}


def _counts(samples: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for stack, count in _LINE.findall(samples):
        function = _FILE.sub(r"(\1)", stack.rpartition(";")[2])
        counts[function or "Python itself, starting and ending"] += int(count)
    return counts
