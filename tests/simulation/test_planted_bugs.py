"""The simulator finds real bugs: each of these, planted alone in a copy of the product."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.rig import Rig

ROOT = Path(__file__).parents[2]
# The shyest of these bugs showed itself within ten histories.
IN_MEMORY, IN_POSTGRES = 400, 60

BUGS = {
    "a low that is no longer in the window": (
        "domain/query.py",
        "return _TOKENS.sub(filled, sql)",
        "return _TOKENS.sub(filled, sql.replace('>=', '>'))",
    ),
    "watermark = now": (
        "domain/observed.py",
        "claim = earliest(window.high, frontier.claim)",
        "claim = frontier.clock if hasattr(window.high, 'hour') else frontier.claim",
    ),
    "watermark = newest seen": (
        "application/pieces.py",
        "mark = seen.mark(piece, self.frontier, run.watermark_after)",
        "mark = max((self.frontier.type.read(r[2]) for r in block.checked.rows), default=None)",
    ),
    "watermark before the data": (
        "application/pieces.py",
        "if is_last and self.advances:",
        "if self.advances:",
    ),
    "open rows hold nothing": (
        "domain/observed.py",
        "return latest(before, earliest(self.oldest_open, claim))",
        "return latest(before, claim)",
    ),
    "a lost span is not told": (
        "domain/gap.py",
        "if self.clock - start_of(stored) > max(at_least, self.kept or at_least):",
        "if False:",
    ),
    "a quiet span is told as lost": (
        "domain/gap.py",
        "if self.clock - start_of(stored) > max(at_least, self.kept or at_least):",
        "if True:",
    ),
    "no overlap": (
        "domain/frontier.py",
        "back(self.stored, self.overlap)\n",
        "self.stored\n",
    ),
}


def simulated(folder: Path, count: int, databases: list[str]) -> subprocess.CompletedProcess[str]:
    """Play histories against the product in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation.simulate", "0", str(count), *databases],
        # The folder first, and no other installation of the product.
        env=os.environ  # noqa: TID251 - a child needs the rest of it
        | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src/qupersync", tmp_path / "qupersync")
    return tmp_path


def plant(copy: Path, bug: str) -> None:
    file, text, broken = BUGS[bug]
    path = copy / "qupersync" / file
    source = path.read_text()
    assert source.count(text) == 1, f"{text!r} must stand once in {file}"
    path.write_text(source.replace(text, broken))


def test_the_copy_is_what_runs_and_without_a_bug_it_passes(copy: Path, rig: Rig):
    for databases in ([], [rig.source, rig.target]):
        result = simulated(copy, 5, databases)

        assert result.returncode == 0, result.stderr  # which also tells of attempts that failed
        assert result.stdout.splitlines()[-1] == f"played 5 histories with {copy}/qupersync"


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught_in_memory(copy: Path, bug: str):
    plant(copy, bug)

    assert "attempt.Violation: " in simulated(copy, IN_MEMORY, []).stderr


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught_on_the_wire_and_in_postgres(copy: Path, rig: Rig, bug: str):
    plant(copy, bug)

    result = simulated(copy, IN_POSTGRES, [rig.source, rig.target])
    assert "attempt.Violation: " in result.stderr
