"""The files of a deployment, read for the tests."""

import re
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from qupersync.infrastructure.settings import Settings, load_settings

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
SYSTEMD = DEPLOY / "systemd"
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
DOCKERFILE = (TOP / "Dockerfile").read_text()
README = (DEPLOY / "README.md").read_text()
KNOWN = {
    str(field.alias)
    for part in (part.annotation for part in Settings.model_fields.values())
    for field in part.model_fields.values()  # type: ignore[union-attr]
}
INTERVAL = load_settings({}, None).sync.interval_seconds


def manifest(name: str) -> Any:
    return YAML(typ="safe").load((KUBERNETES / name).read_text())


def pods() -> dict[str, Any]:
    return {
        "cronjob": manifest("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        "upgrade": manifest("upgrade.yaml")["spec"]["template"]["spec"],
    }


def variables(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def directives(unit: str) -> list[tuple[str, str]]:
    lines = (SYSTEMD / unit).read_text().splitlines()
    return [(key, value) for key, _, value in (line.partition("=") for line in lines) if value]


def labels() -> dict[str, str]:
    found = re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', DOCKERFILE)
    return dict(found)
