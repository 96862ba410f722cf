"""Where configuration lies: the jobs file, the .env file, and files that hold one secret each."""

import io
import shlex
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from dotenv.parser import parse_stream

from qupersync.domain.errors import ConfigError, Problem

_READ_OR_WRITE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH


def find_jobs_file(environ: Mapping[str, str], explicit: Path | None) -> Path:
    """Return the jobs file: the one that is named, else the first of the usual places.

    Raises:
        ConfigError: the named file, or every usual place, has none.
    """
    places, _ = jobs_file_places(environ, explicit)
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        f"no jobs file; looked at: {', '.join(map(str, places))}",
        hint="write one with: qupersync init; or name another with QUPERSYNC_JOBS",
    )


def jobs_file_places(
    environ: Mapping[str, str], explicit: Path | None
) -> tuple[Sequence[Path], str]:
    """Return where the jobs file may lie, the first that is there counts, and why there."""
    if explicit:
        return [explicit], "named by --jobs-file"
    if named := environ.get("QUPERSYNC_JOBS"):
        return [Path(named)], "named by QUPERSYNC_JOBS"
    places = list(_usual_places(environ))
    return places, f"the first that is there of: {', '.join(map(str, places))}"


def _usual_places(environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path("jobs.yaml")
    if home := environ.get("XDG_CONFIG_HOME"):
        yield Path(home, "qupersync", "jobs.yaml")
    elif home := environ.get("HOME"):
        yield Path(home, ".config", "qupersync", "jobs.yaml")
    yield Path("/etc/qupersync/jobs.yaml")


def find_env_file(jobs_file: Path | None, explicit: Path | None) -> Path | None:
    """Return the named file, or the ``.env`` beside the jobs file if there is one."""
    if explicit or jobs_file is None:
        return explicit
    beside = jobs_file.with_name(".env")
    return beside if beside.is_file() else None


def read_variables(
    environ: Mapping[str, str], env_file: Path | None, secrets: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the variables that are set, and what is wrong with where they come from.

    The environment goes before ``env_file``; an empty variable counts as unset. A secret
    ``NAME`` may come from the file that ``NAME_FILE`` names. No complaint holds a value.
    """
    try:
        written, problems = _env_file(env_file, secrets) if env_file else ({}, [])
    except (OSError, UnicodeDecodeError) as error:
        written, problems = {}, [f"{env_file} cannot be read: {_why(error)}"]
    variables = written | {name: value for name, value in environ.items() if value}
    for name in sorted(secrets):
        if path := variables.get(f"{name}_FILE"):
            if name in variables:
                problems.append(f"{name} and {name}_FILE are both set; keep one")
            try:
                variables[name] = Path(path).read_text("utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{name}_FILE: {path} cannot be read: {_why(error)}")
    return variables, problems


def _env_file(path: Path, secrets: Collection[str]) -> tuple[dict[str, str], list[str]]:
    bindings = list(parse_stream(io.StringIO(path.read_text("utf-8"))))
    problems = [
        str(Problem(str(path), binding.original.line, 1, "expected NAME=value"))
        for binding in bindings
        if binding.error
    ]
    values = {binding.key: binding.value for binding in bindings if binding.key and binding.value}
    if not values.keys().isdisjoint(secrets) and path.stat().st_mode & _READ_OR_WRITE_BY_OTHERS:
        command = f"chmod 600 {shlex.quote(str(path))}"
        problems.append(f"{path} holds a secret and is open to other users; run: {command}")
    return values, problems


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "no reason given") if isinstance(error, OSError) else "it is no UTF-8"
