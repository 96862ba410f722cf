"""Shell completion: names of jobs in bash, zsh and fish, at once and whatever the file is like."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qupersync.interface.cli import app
from tests.cli.shell import JOBS, Shell

SLOW = {"alembic", "psycopg", "redshift_connector", "rich", "ruamel", "sqlalchemy", "sqlglot"}


def asked(shell_name: str, line: str) -> dict[str, str]:
    """The variables by which a shell asks what may stand where the cursor is."""
    return {
        "_QUPERSYNC_COMPLETE": f"complete_{shell_name}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }


def offered(line: str, shell_name: str = "bash", **variables: str) -> list[str]:
    variables |= asked(shell_name, line)
    done = CliRunner().invoke(app, env=variables, prog_name="qupersync")
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


@pytest.fixture
def here(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shell.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shell.folder / "nothing"))
    return shell.folder / "jobs.yaml"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("shell_name", "all_jobs", "some"),
    [
        ("bash", ["items", "broken"], ["broken"]),
        (
            "zsh",
            ['_arguments \'*: :(("items"', '"broken"))\''],
            ["_arguments '*: :((\"broken\"))'"],
        ),
        ("fish", ["items", "broken"], ["broken"]),
    ],
)
def test_each_shell_is_offered_the_names_of_the_jobs(
    shell_name: str, all_jobs: list[str], some: list[str]
):
    assert offered("qupersync run ", shell_name) == all_jobs
    assert offered("qupersync run br", shell_name) == some


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["run --fail-fast", "status", "history", "db create"])
def test_names_are_offered_wherever_a_job_is_meant(command: str):
    assert offered(f"qupersync {command} ") == ["items", "broken"]


@pytest.mark.usefixtures("here")
def test_a_job_that_was_typed_is_not_offered_again():
    assert offered("qupersync run broken ") == ["items"]


def test_the_jobs_file_is_the_one_that_the_command_would_read(here: Path, tmp_path: Path):
    other = tmp_path / "other.yaml"
    other.write_text(JOBS.replace("items:", "elsewhere:"))
    here.unlink()

    assert offered("qupersync run ") == [""]
    assert offered(f"qupersync -f {other} run ") == ["elsewhere", "broken"]
    assert offered("qupersync -f ~/other.yaml run ", HOME=str(tmp_path)) == ["elsewhere", "broken"]
    assert offered("qupersync run ", QUPERSYNC_JOBS=str(other)) == ["elsewhere", "broken"]


@pytest.mark.parametrize("shell_name", ["bash", "zsh"])
@pytest.mark.parametrize(
    "content",
    [b"", b"jobs:", b"jobs: [", b"\xff\xfe", b"jobs: {a: 1}", b"version: 1\njobs:\n  A: 1"],
)
def test_a_broken_file_is_no_error(here: Path, shell_name: str, content: bytes):
    here.write_bytes(content)

    assert offered("qupersync run ", shell_name) == (["_files"] if shell_name == "zsh" else [""])


def test_what_can_be_read_of_a_half_written_file_is_offered(here: Path):
    here.write_text(JOBS + "  third:\n    sql: 'SELECT\n   : [\n")

    assert offered("qupersync run ") == ["items", "broken", "third"]


def test_a_file_that_cannot_be_read_is_no_error(here: Path):
    here.unlink()
    here.mkdir()

    assert offered("qupersync run ") == [""]


def test_a_real_bash_completes_a_name(shell: Shell):
    typed = (
        'eval "$(_QUPERSYNC_COMPLETE=source_bash qupersync)"; COMP_WORDS=(qupersync run br);'
        'COMP_CWORD=2; _qupersync_completion qupersync; echo "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"

    done = subprocess.run(
        ["bash", "-c", typed],
        cwd=shell.folder,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("broken\n", "")


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_a_name_is_offered_before_a_slow_library_could_be_loaded(shell: Shell, shell_name: str):
    shell.variables = asked(shell_name, "qupersync run br")
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from qupersync.__main__ import main; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=shell.folder,
        env=shell.variables,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "broken" in done.stdout
    assert "qupersync.completion" in done.stderr.split()
    assert SLOW.intersection(name.split(".")[0] for name in done.stderr.split()) == set()
