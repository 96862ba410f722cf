"""A .env that others could read or change is not used, however it is reached."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell


def env_file(shell: Shell, mode: int) -> Path:
    file = shell.folder / "secrets"
    file.write_text("REDSHIFT_PASSWORD=canary\n")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
@pytest.mark.parametrize("command", ["run", "status"])
def test_an_open_one_is_refused_with_what_repairs_it(shell: Shell, mode: int, command: str):
    env_file(shell, mode).rename(shell.folder / ".env")

    done = shell.type(command, *(["--all"] if command == "run" else []))

    assert done.code == 3
    assert f"chmod 600 {shell.folder / '.env'}" in done.err
    assert "canary" not in done.out + done.err


@pytest.mark.parametrize(("mode", "is_refused"), [(0o644, True), (0o600, False)])
def test_of_a_link_the_file_behind_it_counts(shell: Shell, mode: int, *, is_refused: bool):
    (shell.folder / ".env").symlink_to(env_file(shell, mode))

    done = shell.type("status")

    assert ("chmod 600" in done.err) == is_refused
    assert "not set: POSTGRES_HOST" in done.err or is_refused


def test_a_named_one_is_held_to_the_same(shell: Shell):
    file = env_file(shell, 0o644)

    assert shell.type("--env-file", str(file), "status").code == 3


def test_init_writes_one_that_is_for_its_owner_alone(shell: Shell):
    (shell.folder / "jobs.yaml").unlink()

    shell.execute("init")

    assert (shell.folder / ".env").stat().st_mode & 0o777 == 0o600
