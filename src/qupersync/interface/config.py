"""The commands about the configuration: config show, path, schema."""

from datetime import UTC
from pathlib import Path

from qupersync.bootstrap import config
from qupersync.bootstrap.app import open_app
from qupersync.interface.documents import Record
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, show, show_document

_SETTINGS = (
    Column("setting", lambda record: str(record["setting"])),
    Column("value", lambda record: str(record["value"])),
    Column("from", lambda record: str(record["path"] or record["origin"])),
)
_FILES = (
    Column("file", lambda record: str(record["file"])),
    Column("path", lambda record: str(record["path"] or "none")),
    Column("why", lambda record: str(record["why"])),
)


def settings(files: Files, output: Output) -> None:
    """Show every setting; raise if one is wrong, when all have been shown."""
    found = config.settings(jobs=files.jobs, env_file=files.env)
    records: list[Record] = [
        {
            "setting": setting.name,
            "value": setting.value,
            "origin": setting.origin.value,
            "path": _text(setting.path),
        }
        for setting in found
    ]
    show(records, _SETTINGS, output, UTC)
    open_app(jobs=files.jobs, env_file=files.env)


def paths(files: Files, output: Output) -> None:
    """Show which files are used; raise if there is no jobs file, when that has been shown."""
    chosen = config.chosen_files(jobs=files.jobs, env_file=files.env)
    records: list[Record] = [
        {"file": file.purpose, "path": _text(file.path), "why": file.why} for file in chosen
    ]
    show(records, _FILES, output, UTC)
    config.require_jobs_file(files.jobs)


def schema() -> None:
    """Write the JSON Schema of jobs files."""
    show_document(config.schema())


def _text(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
