"""How cron and a container see the program: lines of a crontab, and a disk that is not theirs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import MIGRATOR, World

CRONTAB = (Path(__file__).parents[2] / "crontab.example").read_text()
LINES = re.findall(r"^[\d*]\S* (?:\S+ ){4}(.*)$", CRONTAB, re.MULTILINE)
# As the kernel sees it: a file that grows ends the process. Sockets and pipes are no files.
WRITING_NOTHING = 'ulimit -f 0; exec "$@"'


def under_cron(world: World, line: str) -> tuple[int, str]:
    """Run a line as cron does and return what it would mail."""
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", CRONTAB, re.MULTILINE))
    programs = str(Path(sys.executable).parent)
    variables["PATH"] = variables["PATH"].replace("/srv/qupersync/.venv/bin", programs)
    done = subprocess.run(
        [variables["SHELL"], "-c", line.replace("/srv/qupersync", str(world.shell.folder))],
        env=world.shell.variables | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_cron_mails_nothing_while_all_is_well(world: World):
    text = (world.shell.folder / "jobs.yaml").read_text()
    world.shell.write_jobs(text[: text.index("  broken:")])

    del world.shell.variables["POSTGRES_USER"]
    for name, role in ((".env", "quper_writer"), ("owner.env", "quper_migrator")):
        (world.shell.folder / name).touch(mode=0o600)
        (world.shell.folder / name).write_text(f"POSTGRES_USER={role}\n")
    assert [under_cron(world, line) for line in LINES] == [(0, "")] * 3
    assert world.rows("SELECT trigger, status FROM quper.sync_logs") == [("cron", "success")]


def test_cron_mails_each_failure_and_once_an_hour_what_still_fails(world: World):
    (ran, failure), (_, problem) = [under_cron(world, line) for line in LINES[:2]]

    assert ran == 1
    assert re.fullmatch(
        r'failed +broken in .*: .*column "nothing" does not exist.* -> .*\n', failure
    )
    assert re.search(r"broken.*failed", problem)


@pytest.mark.parametrize(
    ("words", "role"),
    [(["db", "upgrade"], MIGRATOR), (["run", "items"], {}), (["status"], {})],
)
def test_the_program_writes_no_file(
    world: World, words: list[str], role: dict[str, str], tmp_path_factory
):
    home = tmp_path_factory.mktemp("home")
    before = sorted(world.shell.folder.rglob("*"))

    done = subprocess.run(
        ["/bin/sh", "-c", WRITING_NOTHING, "sh", sys.executable, "-m", "qupersync", *words],
        cwd=world.shell.folder,
        env=world.shell.variables
        | role
        | {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (sorted(world.shell.folder.rglob("*")), list(home.iterdir())) == (before, [])
