"""Each setting as it was written, and where; for a broken configuration too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from qupersync.domain.duration import format_duration
from qupersync.infrastructure.environment import read_variables
from qupersync.infrastructure.redaction import MASK
from qupersync.infrastructure.settings import SECRETS, load_settings


class Origin(StrEnum):
    """Where a setting was made, the strongest first."""

    ENVIRONMENT = "environment"
    ENV_FILE = "env-file"
    OWN_FILE = "own-file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable; ``value`` is a mask if it is a secret, ``path`` the file that it stands in."""

    name: str
    value: str
    origin: Origin
    path: Path | None = None


def setting_origins(environ: Mapping[str, str], env_file: Path | None) -> list[Setting]:
    """Return every setting, checked by nobody: ``load_settings`` says what is wrong with them."""
    filed, _ = read_variables({}, env_file, ())
    return [
        _setting(name, default, environ, filed, env_file) for name, default in _defaults().items()
    ]


def _setting(
    name: str,
    default: str,
    environ: Mapping[str, str],
    filed: Mapping[str, str],
    env_file: Path | None,
) -> Setting:
    secret_file = environ.get(f"{name}_FILE") or filed.get(f"{name}_FILE")
    if value := environ.get(name):
        origin, path = Origin.ENVIRONMENT, None
    elif value := filed.get(name):
        origin, path = Origin.ENV_FILE, env_file
    elif name in SECRETS and secret_file:
        value, origin, path = MASK, Origin.OWN_FILE, Path(secret_file)
    else:
        return Setting(name=name, value=default, origin=Origin.DEFAULT)
    value = MASK if name in SECRETS else value
    return Setting(name=name, value=value, origin=origin, path=path)


def _defaults() -> dict[str, str]:
    return {
        str(type(part).model_fields[field].alias): _spelled(value)
        for _, part in load_settings({}, None)
        for field, value in part
    }


def _spelled(value: object) -> str:
    if isinstance(value, SecretStr):
        return ""
    if isinstance(value, timedelta):
        return format_duration(value)
    text = "auto" if value is None else str(value)
    return text.lower() if isinstance(value, bool) else text
