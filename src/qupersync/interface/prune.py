"""The command prune: what went, in numbers."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import typer

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.prune import Ages, pruned
from qupersync.domain.duration import format_duration, parse_duration
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, is_table, show
from qupersync.interface.text import say


def prune(files: Files, texts: Mapping[str, str], output: Output, *, is_dry: bool) -> None:
    """Remove rows of each kind that are older than a text says, and show how many went.

    A record has ``kind`` (runs, batches, rejects), ``older_than``, ``removed`` and ``dry_run``:
    whether they only would.
    """
    ages = {kind: _age(kind, text) for kind, text in texts.items()}
    app = open_app(jobs=files.jobs, env_file=files.env)
    counts = pruned(app, Ages(**ages), is_dry=is_dry)
    records = [
        {
            "kind": kind,
            "older_than": format_duration(ages[kind]),
            "removed": count,
            "dry_run": is_dry,
        }
        for kind, count in counts.items()
    ]
    show(records, _columns(), output, app.settings.sync.time_zone)
    if is_table(output):
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        say(f"would remove {told}" if is_dry else f"removed {told}")


def _age(kind: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{kind}") from None


def _columns() -> Iterable[Column]:
    yield Column("kind", lambda record: record["kind"])
    yield Column("older than", lambda record: record["older_than"])
    yield Column("removed", lambda record: str(record["removed"]), is_number=True)
