"""What doctor finds in the files and between the servers, and how it shows it."""

import shlex
import subprocess

from tests.cli.checkup import check, line, states
from tests.cli.shell import Done, Shell, World


def test_where_nothing_is_wrong_each_line_is_ok_and_the_exit_0(world: World):
    code, lines = check(world.shell)

    assert set(states(lines).values()) == {"ok"}
    assert code == 0
    assert [found["remedy"] for found in lines.values()] == [None] * len(lines)


def test_an_env_file_that_others_can_read_is_shut_by_the_command_named(shell: Shell):
    env_file = shell.folder / ".env"
    env_file.write_text("REDSHIFT_PASSWORD=sesame\n")
    env_file.chmod(0o644)

    code, lines = check(shell)
    subprocess.run(shlex.split(lines["configuration"]["remedy"]), check=True)

    assert code == 1
    assert lines["configuration"]["state"] == "fail"
    assert states(lines)["servers"] == "warn"
    assert line(shell, ".env")["state"] == "ok"


def test_the_files_are_named_with_the_reason_for_them(shell: Shell):
    env_file = shell.folder / ".env"
    env_file.write_text("TIMEZONE=UTC\n")

    _code, lines = check(shell)

    assert lines[".env"]["found"] == f"{env_file}, beside the jobs file"
    assert lines["jobs file"]["found"] == f"{shell.folder}/jobs.yaml, named by --jobs-file"


def test_each_problem_of_the_jobs_file_has_its_line_and_the_servers_are_still_asked(
    world: World,
):
    world.shell.write_jobs("version: 1\njobs: {items: {tagret: x}}")

    code, lines = check(world.shell)

    assert code == 1
    assert "jobs.yaml:2:" in lines["jobs file"]["found"]
    assert states(lines)["views and targets"] == "warn"
    assert states(lines)["Redshift login"] == "ok"


def test_clocks_that_differ_are_told(world: World):
    world.at_source(
        "CREATE OR REPLACE FUNCTION getdate() RETURNS timestamp LANGUAGE sql"
        " AS 'SELECT localtimestamp - interval ''60 s'''"
    )

    clocks = line(world.shell, "clocks")

    assert clocks["state"] == "warn"
    assert "Redshift -60." in clocks["found"] or "Redshift -59." in clocks["found"]


def test_a_statement_stays_whole_on_a_narrow_terminal(world: World):
    world.at_target("ALTER TABLE items DROP CONSTRAINT items_pkey, ADD UNIQUE (name)")

    shown = world.shell.on_a_terminal("doctor", columns=60)

    assert '\ntarget of items -> CREATE UNIQUE INDEX ON "public"."items" ("id");' in shown


def test_at_a_terminal_doctor_leads_to_a_run_once_the_schema_is_there(world: World):
    world.shell.variables["REDSHIFT_FLAVOR"] = "auto"

    ready = world.shell.on_a_terminal("doctor", columns=80)
    world.at_target("UPDATE quper.qupersync_version SET version_num = '0001'")
    old = world.shell.on_a_terminal("doctor", columns=80)

    assert ready.endswith("\nnext: qupersync run --all\n")
    assert old.endswith("\nnext: qupersync db upgrade\n")


def test_a_doctor_who_finds_another_failure_leaves_what_is_next_to_its_remedy(world: World):
    assert "next:" not in world.shell.on_a_terminal("doctor", "-o", "json", columns=80)

    world.at_target("DROP TABLE items")

    assert "next:" not in world.shell.on_a_terminal("doctor", columns=80)


def test_in_a_pipe_each_check_is_a_line_with_its_remedy(world: World):
    done: Done = world.shell.type("doctor", REDSHIFT_PORT="1")

    lines = [row.split("\t") for row in done.out.splitlines()]
    assert lines[0] == ["check", "state", "found", "remedy"]
    assert {len(row) for row in lines} == {4}
    assert (done.code, done.err) == (1, "")
