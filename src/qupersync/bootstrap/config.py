"""What the configuration is and where it comes from; answers for a broken one as well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qupersync.bootstrap.machine import environment
from qupersync.infrastructure import jobs_schema
from qupersync.infrastructure.environment import find_env_file, find_jobs_file, jobs_file_places
from qupersync.infrastructure.setting_origins import Setting, setting_origins

__all__ = ["ChosenFile", "Setting", "chosen_files", "require_jobs_file", "schema", "settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFile:
    """Which file is used for what, or none, and why."""

    purpose: str
    path: Path | None
    why: str


def chosen_files(*, jobs: Path | None, env_file: Path | None) -> tuple[ChosenFile, ChosenFile]:
    """Return the jobs file and the file of variables, as every command finds them."""
    places, why = jobs_file_places(environment(), jobs)
    jobs_path = next((place for place in places if place.is_file()), None)
    env_path = find_env_file(jobs_path, env_file)
    beside = "beside the jobs file" if env_path else "no .env is beside the jobs file"
    return (
        ChosenFile(purpose="jobs", path=jobs_path, why=why),
        ChosenFile(
            purpose="variables", path=env_path, why="named by --env-file" if env_file else beside
        ),
    )


def settings(*, jobs: Path | None, env_file: Path | None) -> list[Setting]:
    """Return every setting and where it was made; of a secret only that it is set."""
    _, variables = chosen_files(jobs=jobs, env_file=env_file)
    return setting_origins(environment(), variables.path)


def require_jobs_file(jobs: Path | None) -> None:
    """Make sure that there is a jobs file.

    Raises:
        ConfigError: there is none; says where it was looked for.
    """
    find_jobs_file(environment(), jobs)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a jobs file."""
    return jobs_schema.jobs_schema()
