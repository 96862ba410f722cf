"""The files with which a user begins; nothing that is there is ever overwritten."""

from contextlib import suppress
from pathlib import Path

from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.shipped import shipped

_OWNER_ONLY, _USUAL = 0o600, 0o666


def write_starter(folder: Path, *, built_in: bool) -> list[Path]:
    """Write a jobs file and what goes with it into the folder; return the paths.

    The jobs file has a first job and two to make one's own, or all ``built_in`` jobs. The file
    of variables can be read by its owner alone.

    Raises:
        ConfigError: some of the files are there already, or cannot be written; none was.
    """
    files = {folder / name: text for name, text in _texts(built_in=built_in).items()}
    made: list[Path] = []
    try:
        if there := [str(path) for path in files if path.is_symlink() or path.exists()]:
            hint = "move them away, or take another folder: qupersync init FOLDER"
            raise ConfigError(f"already there: {', '.join(there)}; nothing was written", hint=hint)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(_OWNER_ONLY if path.name == ".env" else _USUAL, exist_ok=False)
            made.append(path)
            path.write_text(text, "utf-8")
    except OSError as error:
        for path in made:
            with suppress(OSError):
                path.unlink()
        message = f"{error.filename or folder} cannot be written: {error.strerror}"
        raise ConfigError(message, hint="qupersync init FOLDER") from None
    return made


def _texts(*, built_in: bool) -> dict[str, str]:
    example = _text(".env.example")
    _how_to_copy_it, _, variables = example.partition("\n")
    return {
        "jobs.yaml": _text("jobs.yaml" if built_in else "starter/jobs.yaml"),
        ".env": variables,
        ".env.example": example,
        ".gitignore": ".env\n",
        "crontab.example": _text("crontab.example"),
        "schema/jobs.v1.json": _text("schema/jobs.v1.json"),
    }


def _text(name: str) -> str:
    return shipped(name).read_text("utf-8")
