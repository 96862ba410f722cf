"""What all ways of running on a schedule have in common, and how their README tells of them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from qupersync.infrastructure.settings import SECRETS
from tests.deploy.files import (
    DEPLOY,
    INTERVAL,
    KNOWN,
    README,
    TOP,
    directives,
    manifest,
    pods,
    variables,
)


@pytest.mark.parametrize(
    "schedule",
    [
        manifest("cronjob.yaml")["spec"]["schedule"].split()[0].removeprefix("*/"),
        re.findall(r"^\*/(\d+) .* run --all", (TOP / "crontab.example").read_text(), re.MULTILINE)[
            0
        ],
        dict(directives("qupersync.timer"))["OnCalendar"].partition("/")[2].partition(":")[0],
    ],
    ids=["kubernetes", "cron", "systemd"],
)
def test_a_schedule_is_as_often_as_the_settings_expect(schedule: str):
    settings = (variables(path) for path in DEPLOY.glob("*/settings.env"))

    assert int(schedule) * 60 == INTERVAL
    assert {int(values["SYNC_INTERVAL_SECONDS"]) for values in settings} == {INTERVAL}


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*/settings.env")), ids=lambda p: p.parent.name)
def test_settings_name_only_known_variables_and_no_secret(path: Path):
    names = variables(path).keys()
    files = {name for name in names if name.endswith("_FILE")}

    assert names - files <= KNOWN - SECRETS
    assert {name.removesuffix("_FILE") for name in files} <= SECRETS


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_readme_takes_five_lines_for_each():
    assert len(blocks()) == 4
    assert max(len(block.splitlines()) for block in blocks()) <= 5


def test_the_readmes_commands_name_files_that_are_there():
    words = [word for block in blocks() for word in shlex.split(block, comments=True)]
    paths = {word.rstrip("/") for word in words if word.startswith("deploy/")}

    assert paths
    assert [path for path in sorted(paths) if not (TOP / path).exists()] == []


def commands() -> set[str]:
    """What is given to the program, without the program's name."""
    starts = [" ".join(pod["containers"][0]["args"]) for pod in pods().values()]
    starts.append(dict(directives("qupersync.service"))["ExecStart"].partition(" ")[2])
    typed = "".join(blocks()).replace("\\\n", " ")
    told = re.findall(r"/qupersync(?::[\d.]+)? ((?!qupersync)[\w-].*)$", typed, re.MULTILINE)
    return {*starts, *told}


@pytest.mark.parametrize("words", sorted(commands()))
def test_the_program_knows_each_command_that_is_given_to_it(words: str):
    done = subprocess.run(
        [sys.executable, "-m", "qupersync", *words.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
