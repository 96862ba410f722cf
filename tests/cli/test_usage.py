"""What the program says to whom it cannot serve, before any server is asked."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from qupersync.interface.cli import app
from tests.cli.shell import JOBS, Done, Shell, World

COMMANDS = {
    "": "run --all",
    "run": "run --all",
    "status": "status --check",
    "history": "history query_history",
    "list": "list -o json",
    "validate": "validate",
    "demo": "demo --serverless",
    "doctor": "doctor -o json",
    "config": "config show",
    "config show": "config show -o json",
    "config path": "config path",
    "config schema": "config schema > schema/jobs.v1.json",
    "init": "init",
    "plan": "plan query_history --estimate",
    "metrics": "metrics",
    "report": "report --html report.html",
    "backfill": "backfill query_history --since 7d",
    "retry": "retry",
    "show": "show 5f0c1e0e",
    "replay": "replay 5f0c1e0e",
    "cancel": "cancel query_history",
    "verify": "verify query_history --repair",
    "rejects": "rejects replay query_history",
    "rejects list": "rejects list query_history --all -o json",
    "rejects show": "rejects show 17 -o json",
    "rejects replay": "rejects replay --all",
    "rejects discard": "rejects discard query_history --all --yes",
    "prune": "--env-file owner.env prune",
    "watermark": "watermark show",
    "watermark show": "watermark show",
    "watermark set": "watermark set query_history 7d",
    "watermark reset": "watermark reset query_history",
    "watermark ack-gap": "watermark ack-gap query_history",
    "db": "db upgrade",
    "db upgrade": "db upgrade",
    "db current": "db current",
    "db check": "db check",
    "db create": "db create query_history",
}


def help_of(command: str) -> str:
    return CliRunner().invoke(app, [*command.split(), "--help"]).stdout


def command_names(group, prefix=""):
    for name, command in group.commands.items():
        yield f"{prefix}{name}"
        yield from command_names(command, f"{name} ") if hasattr(command, "commands") else ()


def test_each_command_is_in_the_table_above():
    assert {"", *command_names(get_command(app))} == COMMANDS.keys()


@pytest.mark.parametrize(("command", "example"), COMMANDS.items())
def test_the_help_of_each_command_says_what_it_does_and_ends_with_examples(
    command: str, example: str
):
    _usage, about, *_, examples = help_of(command).split("\n\n")

    assert about.strip().endswith(".")
    assert examples.startswith("  Examples:\n    qupersync ")
    assert f"    qupersync {example}" in examples


def test_the_first_screen_says_all_of_what_each_command_does():
    screen = help_of("")

    assert "..." not in screen.partition("Commands:")[2]
    assert max(map(len, screen.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_no_password_is_an_option(command: str):
    assert "password" not in help_of(command).lower()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run"], "error: no job is named -> qupersync run --all, or qupersync run JOB"),
        (["run", "itens"], "error: no job 'itens' -> known: items"),
        (["run", "--tag", "x"], "error: no job has the tag 'x' -> tags: things"),
        (
            ["run", "items", "--all"],
            "error: --all goes with no name and no --tag -> leave one of them out",
        ),
        (
            ["run", "--all", "--allow-deletes"],
            "error: --allow-deletes goes with named jobs only -> qupersync run JOB --allow-deletes",
        ),
        (["history", "itens"], "error: no job 'itens' -> known: items"),
    ],
)
def test_a_selection_that_means_nothing_is_one_line_and_exit_2(
    shell: Shell, words: list[str], line: str
):
    assert shell.type(*words) == Done(code=2, out="", err=f"{line}\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "--all", "--jobs", "17"], "'--jobs': Input should be less than or equal to 16"),
        (["run", "--all", "--jobs", "0"], "'--jobs': Input should be greater than or equal to 1"),
        (["run", "items", "--trigger", "backfill"], "'backfill' is not one of 'cron', 'manual'"),
        (["history", "--limit", "99999999999999999999"], "less than or equal to 10000"),
        (["run", "items", "--if-locked", "ask"], "'ask' is not one of 'skip', 'fail', 'wait'"),
        (["run", "items", "--password", "x"], "No such option: --password"),
        (["status", "-o", "csv"], "'csv' is not one of 'table', 'json', 'tsv'"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_wrong_usage_is_exit_2_and_names_what_is_wrong(
    shell: Shell, words: list[str], complaint: str
):
    done = shell.type(*words)

    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_validate_counts_the_jobs_with_no_variable_set(shell: Shell):
    done = shell.type("validate")

    assert done == Done(code=0, out=f"{shell.folder}/jobs.yaml: 2 jobs, no problem\n", err="")


def test_validate_warns_on_stderr_of_sql_that_it_cannot_parse(shell: Shell):
    shell.write_jobs(JOBS.replace("SELECT id, name", "SELECT id, name !@#$ 1"))

    done = shell.type("validate")

    assert (done.code, done.out.endswith(": 2 jobs, no problem\n")) == (0, True)
    assert done.err.startswith(f"warning: {shell.folder}/jobs.yaml:5:")


@pytest.mark.parametrize("words", [["validate"], ["run", "--all"], ["list"]])
def test_every_problem_of_the_jobs_file_is_a_line_with_its_place_and_exit_3(
    shell: Shell, words: list[str]
):
    shell.write_jobs(
        JOBS.replace("mode: snapshot", "mode: sideways").replace("key: [id]", "kee: 1")
    )

    done = shell.type(*words)

    *lines, last = done.err.splitlines()
    assert (done.code, done.out) == (3, "")
    assert last == (
        "error: 4 problems, nothing was run -> repair the lines named, then: qupersync validate"
    )
    places = [line for line in lines if line.startswith(f"{shell.folder}/jobs.yaml:")]
    assert [line.removeprefix(f"{shell.folder}/jobs.yaml:").split(":")[0] for line in places] == [
        "7", "8", "12", "13",
    ]  # fmt: skip


def test_no_jobs_file_is_exit_3(shell: Shell):
    done = shell.type("-f", "/nowhere/jobs.yaml", "list")

    assert done.code == 3
    assert done.err.startswith("error: no jobs file; looked at: /nowhere/jobs.yaml -> ")


def test_missing_variables_are_named_all_at_once_and_exit_3(shell: Shell):
    shell.variables = {"REDSHIFT_DB": "dev", "POSTGRES_HOST": "localhost"}

    done = shell.type("run", "--all")

    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "error: not set: REDSHIFT_HOST, REDSHIFT_USER, REDSHIFT_PASSWORD, POSTGRES_DB,"
        " POSTGRES_USER -> set them in the environment or in .env\n"
    )


def test_the_env_file_beside_the_jobs_file_is_read_and_another_can_be_named(shell: Shell):
    (shell.folder / ".env").write_text("TIMEZONE=Mars\n")
    (shell.folder / "other.env").write_text("TIMEZONE=Venus\n")

    beside = shell.type("validate")
    named = shell.type("--env-file", str(shell.folder / "other.env"), "validate")

    assert (beside.code, beside.err.count("'Mars'")) == (3, 1)
    assert (named.code, named.err.count("'Venus'")) == (3, 1)


@pytest.mark.parametrize(
    "words", [["status"], ["run", "--all"], ["db", "upgrade"], ["db", "check"]]
)
def test_a_target_that_is_not_there_is_one_line_and_exit_4(shell: Shell, words: list[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    source = {f"REDSHIFT_{name}": "x" for name in ("HOST", "DB", "USER", "PASSWORD")}
    target = {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_DB": "x", "POSTGRES_USER": "x"}
    shell.variables = source | target | {"POSTGRES_PORT": port, "QUPERSYNC_LOG_LEVEL": "error"}

    done = shell.type(*words)

    assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
    assert done.err.startswith("error: PostgreSQL is not reachable: ")
    assert done.err.endswith(
        " -> check POSTGRES_HOST, POSTGRES_PORT and the network; the next run goes on from here\n"
    )


def test_a_problem_of_the_env_file_says_where_to_correct_it(shell: Shell):
    done = shell.type("--env-file", "/nowhere/.env", "validate")

    assert done == Done(
        code=3,
        out="",
        err="error: /nowhere/.env cannot be read: No such file or directory"
        " -> correct the environment, .env or --env-file, then: qupersync validate\n",
    )


def test_list_writes_a_line_for_each_job_off_a_terminal(shell: Shell):
    done = shell.type("list")

    assert done == Done(
        code=0,
        out="job\ttarget\tmode\tkey\ttags\tdescription\n"
        "items\tpublic.items\tsnapshot\tid\tthings\t\n"
        "broken\tpublic.others\tsnapshot\tid\t\t\n",
        err="",
    )


def test_list_writes_json_when_asked(shell: Shell):
    items, broken = shell.type("list", "-o", "json").document

    assert items == {
        "job": "items",
        "target": "public.items",
        "mode": "snapshot",
        "key": ["id"],
        "tags": ["things"],
        "description": "",
    }
    assert broken.keys() == items.keys()


def test_the_version_is_printed_alone(shell: Shell):
    done = CliRunner().invoke(app, ["--version"])

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("qupersync 0.")


def test_a_reader_who_goes_away_is_no_error(shell: Shell):
    command = f"'{sys.executable}' -m qupersync list | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=shell.folder, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("j0\n", "")


def test_a_full_disk_under_stdout_is_one_line_and_exit_1(shell: Shell):
    with Path("/dev/full").open("w") as full:
        process = shell.start("list", stdout=full)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert said == (
        "error: stdout cannot be written: No space left on device -> make room there, then repeat\n"
    )


def test_a_full_disk_under_stderr_changes_no_exit_code(shell: Shell):
    with Path("/dev/full").open("w") as full:
        process = shell.start("history", "nothing", stderr=full)
        process.communicate(timeout=30)

    assert process.returncode == 2


def test_help_needs_none_of_the_slow_libraries():
    slow = {
        "alembic", "psycopg", "pydantic", "redshift_connector", "rich", "sqlalchemy", "sqlglot",
        "structlog",
    }  # fmt: skip
    code = (
        "import sys, qupersync.interface.cli; print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "typer" in done.stdout.split()
    assert slow.intersection(done.stdout.split()) == set()


def test_a_run_with_a_password_loads_nothing_that_only_others_need(world: World):
    spared = {
        "alembic", "asn1crypto", "boto3", "prometheus_client", "s3transfer", "sqlalchemy",
        "urllib3",
    }  # fmt: skip
    code = (
        "import atexit, sys; sys.argv[1:] = ['run', '-q', 'items']\n"
        "atexit.register(lambda: print(*{name.split('.')[0] for name in sys.modules}))\n"
        "from qupersync.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=world.shell.folder,
        env=world.shell.variables,
        capture_output=True,
        text=True,
        check=True,
    )

    assert world.rows("SELECT count(*) FROM items") == [(3,)]
    assert "redshift_connector" in done.stdout.split()
    assert spared.intersection(done.stdout.split()) == set()


def test_a_bug_is_exit_70_with_its_place_in_the_log_but_not_its_text(shell: Shell):
    code = (
        "import sys; sys.argv[1:] = ['list']; import qupersync.bootstrap.app as b\n"
        "def broken(**_): raise KeyError('a value')\n"
        "b.open_app = broken; from qupersync.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=shell.folder, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.splitlines()[-1] == (
        "error: a bug in QuperSync: KeyError -> please report it with the log of this run"
    )
    assert "in broken" in done.stderr
    assert "a value" not in done.stderr.replace("raise KeyError('a value')", "")
