"""The project's frame keeps its promises: the lock, the Makefile, the examples and the wheel."""

import itertools
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from psycopg.conninfo import conninfo_to_dict

from qupersync.infrastructure.settings import (
    AwsSettings,
    PostgresSettings,
    RedshiftSettings,
    SyncSettings,
    load_settings,
)
from qupersync.infrastructure.watch_settings import WatchSettings

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", LOCK, re.MULTILINE)
}
MAKEFILE = (ROOT / "Makefile").read_text()
PLATFORMS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system.lower(),
        "platform_system": system,
        "platform_machine": machine,
    }
    for python, (system, machine) in itertools.product(
        ("3.11", "3.12", "3.13", "3.14"),
        (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64")),
    )
]


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def direct_requirements() -> list[Requirement]:
    extras = itertools.chain.from_iterable(PROJECT["optional-dependencies"].values())
    lines = dict.fromkeys((*PROJECT["dependencies"], *extras))  # a package may be in two extras
    return [Requirement(line) for line in lines]


def needed_on(platform: dict[str, str]) -> set[str]:
    pending = direct_requirements()
    seen: set[tuple[str, str]] = set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            environment = {**platform, "extra": extra}
            for line in distribution(name).requires or () if name in LOCKED else ():
                further = Requirement(line)
                if not further.marker or further.marker.evaluate(environment):
                    pending.append(further)
    return {name for name, _ in seen}


def test_each_locked_requirement_has_a_hash():
    requirements = re.split(r"^(?=[\w.-]+(?:\[.*\])?==)", LOCK, flags=re.MULTILINE)[1:]

    assert len(requirements) == len(LOCKED) > 0
    assert [text for text in requirements if "--hash=sha256:" not in text] == []


def test_the_lock_says_nothing_of_where_packages_come_from():
    options = re.findall(r"^ *(-\S*?)[= ]", LOCK, re.MULTILINE)

    assert set(options) == {"--hash"}
    assert "://" not in LOCK


def test_the_lock_pins_what_is_wanted_with_an_extra_as_such():
    # pip 23.2, which Python 3.11 brings, asks the index for the newest such package otherwise.
    further = [Requirement(line) for name in LOCKED for line in distribution(name).requires or ()]
    wanted = [
        need for need in (*direct_requirements(), *further)
        if need.extras and need.name in LOCKED and (not need.marker or need.marker.evaluate())
    ]  # fmt: skip

    assert wanted
    assert [need for need in wanted if not re.search(rf"^{need.name}\[", LOCK, re.MULTILINE)] == []


@pytest.mark.parametrize("requirement", direct_requirements(), ids=str)
def test_the_lock_satisfies(requirement: Requirement):
    assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_each_locked_package_runs_on_python(python: str):
    needs = {name: distribution(name).metadata["Requires-Python"] or "" for name in LOCKED}

    assert {n: need for n, need in needs.items() if python not in SpecifierSet(need)} == {}


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: "-".join(platform.values()))
def test_the_lock_made_on_one_platform_is_whole_on(platform: dict[str, str]):
    assert needed_on(platform) - LOCKED.keys() == set()


def test_make_help_lists_each_target():
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", run("make", "help"), re.MULTILINE))

    assert listed == targets
    assert targets >= {"help", "setup", "demo", "test", "check", "lint", "types", "imports"}


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run", ".env.example", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md",
        "bench/__main__.py", "crontab.example", "docs/decisions.md", "jobs.yaml", "migrations",
    ],
)  # fmt: skip
def test_the_repository_holds(name: str):
    assert (ROOT / name).exists()


def example_variables(pattern: str) -> dict[str, str]:
    example = (ROOT / ".env.example").read_text()
    return dict(re.findall(rf"^{pattern}([A-Z][A-Z0-9_]*)=(.*)$", example, re.MULTILINE))


def test_the_env_example_names_each_variable_that_settings_know():
    parts = (AwsSettings, PostgresSettings, RedshiftSettings, SyncSettings, WatchSettings)
    known = {field.alias for part in parts for field in part.model_fields.values()}

    assert example_variables("(?:# )?").keys() == known


def test_the_env_example_shows_the_defaults_commented_out():
    required = example_variables("")
    everything = example_variables("(?:# )?")

    assert everything.keys() > required.keys()
    assert load_settings(everything, None) == load_settings(required, None)


@pytest.mark.parametrize(
    ("layer", "allowed"),
    [("domain", {"pydantic", "pydantic_core"}), ("application", set())],
)
def test_an_inner_layer_imports_nothing_else(layer: str, allowed: set[str]):
    graph = grimp.build_graph("qupersync", include_external_packages=True, cache_dir=None)
    package = f"qupersync.{layer}"
    imported = {
        name.split(".")[0]
        for module in {package, *graph.find_descendants(package)}
        for name in graph.find_modules_directly_imported_by(module)
    }

    assert imported - sys.stdlib_module_names - {"qupersync"} <= allowed


def test_the_wheel_carries_migrations_jobs_and_examples(tmp_path: Path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        shared = {
            name.removeprefix("qupersync/_share/").split("/")[0]
            for name in archive.namelist()
            if name.startswith("qupersync/_share/")
        }

    assert shared == {
        ".env.example", "LICENSE", "crontab.example", "jobs.yaml", "migrations", "schema",
        "starter",
    }  # fmt: skip


def test_a_build_is_the_wheel_with_the_bill_of_what_it_is_installed_with(tmp_path: Path):
    run("make", "build", f"DIST={tmp_path}")

    [wheel] = tmp_path.glob("*.whl")
    bill = json.loads((tmp_path / "sbom.json").read_text())
    parts = {canonicalize_name(part["name"]): part for part in bill["components"]}
    assert wheel.name.startswith(f"qupersync-{bill['metadata']['component']['version']}-")
    assert {name: part["version"] for name, part in parts.items()} == LOCKED
    assert all(part["externalReferences"][0]["hashes"] for part in parts.values())


def test_the_wheel_starts_a_project(tmp_path: Path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheels"))
    [wheel] = (tmp_path / "wheels").glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "from qupersync.__main__ import main; main()"
    command = [sys.executable, "-c", code, "init", str(tmp_path / "shop")]

    subprocess.run(command, env={"PYTHONPATH": str(tmp_path / "site")}, check=True)

    for name in ("jobs.yaml", ".env", "schema/jobs.v1.json"):
        assert (tmp_path / "shop" / name).stat().st_size > 1_000


def test_the_wheel_migrates_from_an_empty_folder(tmp_path: Path, empty_database: str):
    wheels, site, folder = tmp_path / "wheels", tmp_path / "site", tmp_path / "empty"
    folder.mkdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels))
    [wheel] = wheels.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    at = conninfo_to_dict(empty_database)
    environ = {
        "PYTHONPATH": str(site),
        "POSTGRES_HOST": str(at["host"]),
        "POSTGRES_PORT": str(at["port"]),
        "POSTGRES_DB": str(at["dbname"]),
        "POSTGRES_USER": str(at["user"]),
    }
    code = (
        "import qupersync; print(qupersync.__file__); from qupersync.__main__ import main; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "db", "upgrade"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[0].startswith(str(site))
    assert done.stdout.splitlines()[1] == "quper is at revision 0003"
