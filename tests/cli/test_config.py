"""`qupersync config`: which files and settings are in use, and why; and the schema for editors."""

import json
from pathlib import Path
from typing import Any

import pytest

from qupersync.infrastructure.jobs_schema import jobs_schema
from tests.cli.shell import Done, Shell


def setting(done: Done, name: str) -> dict[str, Any]:
    (found,) = [record for record in done.document if record["setting"] == name]
    return {key: value for key, value in found.items() if key != "setting"}


@pytest.fixture
def env_file(shell: Shell) -> Path:
    path = shell.folder / ".env"
    path.touch(mode=0o600)
    return path


def test_each_setting_is_shown_with_where_it_comes_from(shell: Shell, env_file: Path):
    env_file.write_text("POSTGRES_HOST=filed\nPOSTGRES_DB=filed\nTIMEZONE=\n")
    shell.variables = {"POSTGRES_HOST": "set", "POSTGRES_USER": ""}

    done = shell.type("config", "show", "-o", "json")

    assert (done.code, done.err) == (0, "")
    assert setting(done, "POSTGRES_HOST") == {"value": "set", "origin": "environment", "path": None}
    assert setting(done, "POSTGRES_DB") == {
        "value": "filed",
        "origin": "env-file",
        "path": str(env_file),
    }
    assert setting(done, "POSTGRES_USER") == {"value": "", "origin": "default", "path": None}
    assert setting(done, "TIMEZONE") == {"value": "UTC", "origin": "default", "path": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYNC_BATCH_SIZE", "auto"),
        ("REDSHIFT_IAM", "false"),
        ("REDSHIFT_PORT", "5439"),
        ("QUPERSYNC_LEASE_TTL", "1m"),
        ("REDSHIFT_PASSWORD", ""),
    ],
)
def test_a_default_is_shown_as_one_would_write_it(shell: Shell, name: str, value: str):
    done = shell.type("config", "show", "-o", "json")

    assert setting(done, name) == {"value": value, "origin": "default", "path": None}


def test_of_a_secret_only_where_it_comes_from_is_shown(shell: Shell, env_file: Path):
    (shell.folder / "secret").write_text("canary-1")
    env_file.write_text("REDSHIFT_PASSWORD=canary-2\n")
    shell.variables = {
        "POSTGRES_PASSWORD_FILE": str(shell.folder / "secret"),
        "AWS_SECRET_ACCESS_KEY": "canary-3",
    }

    done = shell.type("config", "show", "-o", "json")

    assert "canary" not in done.out + done.err
    assert setting(done, "POSTGRES_PASSWORD") == {
        "value": "***",
        "origin": "own-file",
        "path": str(shell.folder / "secret"),
    }
    assert setting(done, "REDSHIFT_PASSWORD")["path"] == str(env_file)
    assert setting(done, "AWS_SECRET_ACCESS_KEY")["origin"] == "environment"


def test_a_wrong_setting_is_shown_before_it_is_complained_about(shell: Shell, env_file: Path):
    env_file.write_text("TIMEZONE=Mars\nREDSHIFT_PASSWORD=canary\n")
    env_file.chmod(0o644)

    done = shell.type("config", "show", "-o", "json")

    assert (done.code, setting(done, "TIMEZONE")["value"]) == (3, "Mars")
    assert "no time zone 'Mars'" in done.err
    assert "chmod 600" in done.err
    assert "canary" not in done.out + done.err


def test_on_a_terminal_settings_are_a_table(shell: Shell):
    shell.variables = {"POSTGRES_HOST": "here"}

    title, *lines = shell.on_a_terminal("config", "show", columns=80).split("\n")

    assert "FROM" in title
    assert ["POSTGRES_HOST", "here", "environment"] in [line.split() for line in lines]


def paths(shell: Shell, *words: str, **variables: str) -> dict[str, tuple[str | None, str]]:
    shell.variables = {"XDG_CONFIG_HOME": "/nowhere", **variables}
    done = shell.execute(*words, "config", "path", "-o", "json")
    return {file["file"]: (file["path"], file["why"]) for file in json.loads(done.out)}


def test_the_files_in_use_are_shown_with_the_reason(shell: Shell, env_file: Path):
    jobs = str(shell.folder / "jobs.yaml")
    usual = "jobs.yaml, /nowhere/qupersync/jobs.yaml, /etc/qupersync/jobs.yaml"

    assert paths(shell) == {
        "jobs": (jobs, f"the first that is there of: {usual}"),
        "variables": (str(env_file), "beside the jobs file"),
    }
    assert paths(shell, QUPERSYNC_JOBS=jobs)["jobs"] == (jobs, "named by QUPERSYNC_JOBS")
    assert paths(shell, "-f", "jobs.yaml")["jobs"] == (jobs, "named by --jobs-file")
    named = paths(shell, "--env-file", "other")["variables"]
    assert named == (str(shell.folder / "other"), "named by --env-file")


def test_that_there_is_no_env_file_is_said(shell: Shell):
    assert paths(shell)["variables"] == (None, "no .env is beside the jobs file")


def test_that_there_is_no_jobs_file_is_shown_and_exit_3(shell: Shell):
    done = shell.type("-f", "/nowhere/jobs.yaml", "config", "path")

    assert done == Done(
        code=3,
        out="file\tpath\twhy\njobs\t\tnamed by --jobs-file\n"
        "variables\t\tno .env is beside the jobs file\n",
        err="error: no jobs file; looked at: /nowhere/jobs.yaml -> write one with: qupersync init;"
        " or name another with QUPERSYNC_JOBS\n",
    )


def test_the_schema_needs_no_configuration(shell: Shell):
    done = shell.type("-f", "/nowhere/jobs.yaml", "config", "schema", TIMEZONE="Mars")

    assert (done.code, done.err, done.document) == (0, "", jobs_schema())
