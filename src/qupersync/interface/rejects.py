"""The commands about rows that could not be loaded: rejects list, show, replay, discard."""

import logging
import shlex
import shutil
from collections.abc import Sequence

from qupersync.bootstrap import rejects as work
from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.rejects import Which
from qupersync.bootstrap.replayed_rejects import replay as replayed
from qupersync.bootstrap.working import Listener
from qupersync.domain.errors import SelectionError
from qupersync.interface import rejects_text
from qupersync.interface.consent import require_consent
from qupersync.interface.options import Files, Output
from qupersync.interface.render import is_table, show, show_document
from qupersync.interface.running import conclude, report_of
from qupersync.interface.text import put, say

logger = logging.getLogger(__name__)


def show_all(
    files: Files, names: Sequence[str], limit: int, output: Output, *, resolved_too: bool
) -> None:
    """Show rejects; a record has what ``RejectLog.listed`` tells."""
    app = _opened(files)
    records, still_open = work.listed(app, names, limit, resolved_too=resolved_too)
    zone = app.settings.sync.time_zone
    show(records, rejects_text.columns(zone, with_resolved=resolved_too), output, zone)
    if is_table(output):
        if len(records) == limit:
            say(f"these are the newest {limit}; {still_open} are open -> --limit")
        for job in dict.fromkeys(record["job"] for record in records if not record["resolution"]):
            say(f"{job}: once it is repaired -> {_command('replay', job)}")


def show_one(files: Files, reject_id: int, output: Output) -> None:
    """Show one reject; ``next`` is what to do about it, None once it is resolved."""
    app = _opened(files)
    known = work.shown(app, reject_id)
    record = known | {"next": rejects_text.advice(known)}
    zone = app.settings.sync.time_zone
    if output is Output.JSON:
        show_document(record)
    elif is_table(output):
        put(rejects_text.block(record, shutil.get_terminal_size().columns, zone))
    else:
        show([record], (), output, zone)


def replay(files: Files, words: Sequence[str], *, every: bool, quiet: bool, as_json: bool) -> None:
    """Load rejects again and exit with the code of what became of it."""
    if not words and not every:
        raise SelectionError("no reject is named", hint="qupersync rejects replay JOB")
    which, app = _which(words, every=every), _opened(files)
    if quiet:
        logging.getLogger().setLevel(logging.ERROR)
    report = report_of(app, quiet=quiet)

    def left_out(why: str) -> None:
        if not report.for_people:
            logger.warning("rejects left out", extra={"warning": why})
        elif not quiet:
            say(why)

    with report.told(Listener(on_end=report.ended)) as told:
        outcome = replayed(app, which, left_out, told)
    if not outcome.runs and not quiet:
        say("nothing to replay: no reject is open")
    refused = [run.job for run in outcome.runs if run.tally.skipped]
    following = _command("list", *refused) if refused else "qupersync status"
    conclude(outcome, held_is_failure=True, quiet=quiet, as_json=as_json, following=following)


def discard(files: Files, words: Sequence[str], *, every: bool, is_sure: bool) -> None:
    """Resolve rejects that nobody needs, once somebody has said so."""
    which = _which(words, every=every)
    if not words or (which.jobs and not every):
        what = shlex.join(words) or "JOB"
        raise SelectionError(
            "no reject is named", hint=f"name ids, or: qupersync rejects discard {what} --all"
        )
    app = _opened(files)
    counts = work.to_discard(app, which)
    if not any(counts.values()):
        say("nothing to discard: no reject is open")
        return
    change = ", ".join(f"{job}: discard {_rows(count)}" for job, count in counts.items() if count)
    again = _command("discard", *words, *(["--all"] if every else []))
    require_consent(change, again, is_sure=is_sure)
    put(f"{_rows(work.discard(app, which, counts))} discarded\n")


def _which(words: Sequence[str], *, every: bool) -> Which:
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    if not numbers:
        return Which(jobs=tuple(words))
    if len(numbers) < len(words) or every:
        raise SelectionError(
            "ids go with no job and no --all", hint="name rejects by their ids, or jobs"
        )
    return Which(ids=tuple(map(int, numbers)))


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _command(*words: str) -> str:
    return shlex.join(["qupersync", "rejects", *words])


def _opened(files: Files) -> App:
    return open_app(jobs=files.jobs, env_file=files.env)
