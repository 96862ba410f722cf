"""The commands about watermarks: watermark show, set, reset, ack-gap."""

import shlex
from collections.abc import Sequence
from typing import Any

from qupersync.bootstrap import watermark as work
from qupersync.bootstrap.app import App, open_app
from qupersync.domain.correction import Correction
from qupersync.domain.watermark import canonical
from qupersync.interface import tables
from qupersync.interface.consent import require_consent
from qupersync.interface.options import Files, Output
from qupersync.interface.render import is_table, show
from qupersync.interface.text import put, say


def show_all(files: Files, names: Sequence[str], output: Output) -> None:
    """Show what is remembered of the jobs.

    A record has ``job``, ``target`` and what ``Watermarks.of`` tells; points are canonical texts.
    """
    app = _app(files)
    zone = app.settings.sync.time_zone
    records = [
        {"job": job.name, "target": str(job.target), **known}
        for job, known in work.remembered(app, names)
    ]
    show(records, tables.of_watermarks(zone), output, zone)
    for record in records if is_table(output) else ():
        for gap in record["gaps"]:
            say(f"{record['job']}: open gap {_span(gap)} -> {_command('ack-gap', record['job'])}")
        for gap in record["acknowledged"]:
            say(f"{record['job']}: gap {_span(gap)}, acknowledged {gap['at']} by {gap['by']}")


def set_point(files: Files, job: str, point: str, *, is_sure: bool) -> None:
    """Set a job's watermark to a point that people typed."""
    app = _app(files)
    correction = work.to_set(app, job, point)
    _correct(app, correction, _command("set", job, point), is_sure=is_sure)


def reset(files: Files, job: str, *, is_sure: bool) -> None:
    """Forget a job's watermark."""
    app = _app(files)
    _correct(app, work.to_reset(app, job), _command("reset", job), is_sure=is_sure)


def acknowledge_gaps(files: Files, job: str, *, is_sure: bool) -> None:
    """Acknowledge the gaps that are open now, and write their spans."""
    app = _app(files)
    [(_, known)] = work.remembered(app, [job])
    if not known["gaps"]:
        say(f"{job}: no open gap")
        return
    for gap in known["gaps"]:
        say(f"{job}: rows from {_span(gap)} may be lost")
    require_consent(f"{job}: acknowledge", _command("ack-gap", job), is_sure=is_sure)
    work.acknowledge(app, job, known["gaps"])
    put("".join(f"{job}: acknowledged {_span(gap)}\n" for gap in known["gaps"]))


def _correct(app: App, correction: Correction, command: str, *, is_sure: bool) -> None:
    change = _in_words(correction)
    say(f"{correction.job}: the next run starts from {_consequence(correction)}")
    require_consent(change, command, is_sure=is_sure)
    work.correct(app, correction)
    put(f"{change}\n")


def _in_words(correction: Correction) -> str:
    old, new = (
        "none" if point is None else canonical(point)
        for point in (correction.before, correction.after)
    )
    return f"{correction.job}: watermark {old} -> {new}"


def _consequence(correction: Correction) -> str:
    if correction.low is None:
        return "the job's initial; rows since then are read again"
    low = canonical(correction.low)
    if correction.goes_back:
        return f"{low}; rows since then are read again"
    return f"{low}; rows before that are not read again"


def _command(*words: str) -> str:
    return shlex.join(["qupersync", "watermark", *words])


def _span(gap: dict[str, Any]) -> str:
    return f"{gap['low']} to {gap['high']}"


def _app(files: Files) -> App:
    return open_app(jobs=files.jobs, env_file=files.env)
