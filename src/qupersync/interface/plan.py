"""The command plan: what the next runs would do, as records or as text for people."""

import shutil
from datetime import UTC

import typer

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.passes import RunOptions
from qupersync.bootstrap.plan import plans
from qupersync.domain.plan import Plan, Prospect
from qupersync.domain.watermark import Point, canonical
from qupersync.interface import advice
from qupersync.interface.documents import Record
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.options import Files, Output
from qupersync.interface.plan_text import block
from qupersync.interface.render import is_table, show
from qupersync.interface.text import put


def plan(files: Files, options: RunOptions, output: Output, *, counts: bool) -> None:
    """Show the plan of each selected job; exit 1 if one of them would fail.

    On a terminal, where a merge fills a screen, only a job that is named shows its own.
    """
    app = open_app(jobs=files.jobs, env_file=files.env)
    records: list[Record] = []
    for planned in plans(app, options, counts=counts):
        records.append(record(planned))
        if is_table(output):
            shown = records[-1] if options.names else records[-1] | {"merge": None}
            put(block(shown, shutil.get_terminal_size().columns))
    if not is_table(output):
        show(records, (), output, UTC)
    if any(each["prospect"] == Prospect.FAIL for each in records):
        raise typer.Exit(ExitCode.FAILED)


def record(plan: Plan) -> Record:
    """Return the plan of one job.

    ``prospect`` is load, skip or fail; ``why`` says why just this window. ``window_low`` and
    ``window_high`` are canonical texts. ``sql`` is that of the first of ``pieces``, ``merge`` the
    statement that ends each transaction of up to ``batch_rows`` rows on this ``path``.
    ``estimated_rows`` is there with --estimate only. What is not known is None; ``next`` is what
    to do about the error.
    """
    job, window, error = plan.job, plan.window, plan.error
    return {
        "job": job.name,
        "prospect": plan.prospect.value,
        "error": str(error) if error else None,
        "error_code": error.code if error else None,
        "next": advice.about(error.code, job.name, error.hint) if error else None,
        "mode": job.mode,
        "target": str(job.target),
        "key": list(job.key),
        "path": plan.path.name if plan.path else None,
        "path_reason": plan.path.reason if plan.path else None,
        "held_by": plan.held_by or None,
        "why": plan.why or None,
        "window_low": _text(window.low if window else None),
        "window_high": _text(window.high if window else None),
        "pieces": plan.pieces,
        "batch_rows": plan.batch_rows,
        "estimated_rows": plan.rows,
        "notes": list(plan.notes),
        "sql": plan.sql or None,
        "merge": plan.merge or None,
    }


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
