"""The image: built from the lock, small in rights, and described as the project is."""

import re
import subprocess
import sys
from pathlib import Path

from qupersync.infrastructure.settings import SECRETS
from tests.deploy.files import DOCKERFILE, KNOWN, PROJECT, TOP, labels


def test_the_dockerfile_passes_hadolint():
    hadolint = Path(sys.executable).with_name("hadolint")

    done = subprocess.run(
        [hadolint, "--no-color", TOP / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_says_of_itself_what_the_project_says():
    project = PROJECT["project"]

    assert labels() == {
        "title": project["name"],
        "description": project["description"],
        "licenses": project["license"],
        "version": project["version"],
    }


def test_the_image_holds_no_secret_and_needs_no_shell():
    assert not any(name in DOCKERFILE for name in KNOWN | SECRETS)
    assert re.findall(r"^(ENTRYPOINT|CMD) (.*)$", DOCKERFILE, re.MULTILINE) == [
        ("ENTRYPOINT", '["qupersync"]'),
        ("CMD", '["--help"]'),
    ]


def test_the_image_is_built_from_the_lock_alone():
    pip = re.findall(r"pip (?:--python=\S+ )?(\w+) ([^&\n]*)", DOCKERFILE.replace("\\\n", " "))

    assert [command for command, _ in pip] == ["download", "wheel", "install"]
    assert "--require-hashes" in pip[0][1]
    assert all("--no-index" in options for _, options in pip[1:])


def test_the_build_sees_all_that_the_wheel_is_made_of_and_nothing_else():
    rules = [r for r in (TOP / ".dockerignore").read_text().splitlines() if r[0] != "#"]
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        "pyproject.toml", "requirements.lock", PROJECT["project"]["readme"],
        *(name.split("/")[0] for name in wheel["packages"]),
        *(name.split("/")[0] for name in wheel["force-include"]),
    }  # fmt: skip

    assert rules[0] == "*"
    assert {rule[1:].rstrip("/") for rule in rules if rule.startswith("!")} == needed
