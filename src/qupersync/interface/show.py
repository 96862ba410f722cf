"""The command show: one past run as a record, or as a block and a table for people."""

import shutil
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.show import run_details
from qupersync.domain.run import Status, Trigger
from qupersync.domain.watermark import canonical
from qupersync.interface import advice
from qupersync.interface.documents import Record
from qupersync.interface.options import Files, Output
from qupersync.interface.render import Column, draw, is_table, show_document
from qupersync.interface.render import show as show_records
from qupersync.interface.show_text import block
from qupersync.interface.tables import point
from qupersync.interface.text import put

_PARTS = ("attempts_made", "pieces", "rejects", "replayed_by")


def show(files: Files, prefix: str, output: Output) -> None:
    """Show the one run whose id begins so."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    run = record(run_details(app, prefix))
    zone = app.settings.sync.time_zone
    if output is Output.JSON:
        show_document(run)
    elif is_table(output):
        put(block(run, shutil.get_terminal_size().columns, zone))
        if run["batches"] > 1:
            put("\n")
            draw(run["pieces"], _of_pieces(zone))
    else:
        show_records([run], (), output, zone)


def record(details: dict[str, Any]) -> Record:
    """Return one run with all that belongs to it.

    First the columns of ``sync_runs_v1``; then ``host``, ``pid`` and ``version`` of its process.
    ``attempts_made`` has each attempt; ``pieces`` the batches summed up by window, with the last
    ``watermark`` and ``committed_at``; ``rejects`` the rows set aside, which no later run has set
    aside again, by reason and column, with the first few ``reject_ids``; ``replayed_by`` the runs
    that repeated it, or loaded its rejects again. Times inside them are canonical texts. ``next``
    is what to do about the error, ``again`` the command that runs it again, where there is need or
    sense, else None.
    """
    parts = {name: [_texts(part) for part in details[name]] for name in _PARTS}
    error = details["error"]
    hint = advice.about(details["error_code"] or "", details["job"]) if error else None
    return details | parts | {"next": hint, "again": _again(details)}


def _again(run: Record) -> str | None:
    status = Status(run["status"])
    repeats = (repeat for repeat in run["replayed_by"] if not repeat["is_of_rejects"])
    if any(repeat["status"] == Status.SUCCESS for repeat in repeats):
        return None
    if status in {Status.FAILED, Status.DEAD, Status.CANCELED}:
        if run["trigger"] == Trigger.REPLAY and run["window_low"] is None:
            return f"qupersync rejects replay {run['job']}"
        return f"qupersync retry {run['run_id']}"
    has_window = status is Status.SUCCESS and run["window_low"] is not None
    return f"qupersync replay {run['run_id']}" if has_window else None


def _texts(part: Record) -> Record:
    return {name: _text(value) for name, value in part.items()}


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return canonical(value)
    return str(value) if isinstance(value, UUID) else value


def _of_pieces(zone: tzinfo) -> Iterable[Column]:
    return (
        Column("from", lambda piece: point(piece["window_low"], zone)),
        Column("to", lambda piece: point(piece["window_high"], zone), only_wide=True),
        Column("batches", lambda piece: str(piece["batches"]), is_number=True),
        Column("read", lambda piece: str(piece["rows_extracted"]), is_number=True),
        Column("new", lambda piece: str(piece["rows_inserted"]), is_number=True),
        Column("changed", lambda piece: str(piece["rows_updated"]), is_number=True),
        Column("watermark", lambda piece: point(piece["watermark"], zone), only_wide=True),
        Column("committed", lambda piece: _committed(piece, zone)),
    )


def _committed(piece: Record, zone: tzinfo) -> str:
    at = point(piece["committed_at"], zone)
    return at if piece["is_complete"] else f"{at}, in part"
