"""A past run as people read it: a block of lines, its error and what to type first."""

from collections.abc import Iterator
from datetime import tzinfo
from textwrap import wrap

from qupersync.interface import advice
from qupersync.interface.documents import Record
from qupersync.interface.tables import point
from qupersync.interface.text import moment, spent, visible

_LABEL = 13


def block(run: Record, width: int, zone: tzinfo) -> str:
    """Return a run, as ``record`` gives it, in lines of at most ``width`` unless a word is longer.

    Times are in ``zone``.
    """
    lines = [f"{run['job']}: {run['status']}"]
    for label, text in _facts(run, zone):
        lines += wrap(
            visible(advice.one_line(text)),
            width,
            initial_indent=f"  {label:{_LABEL}}",
            subsequent_indent=" " * (_LABEL + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"


def _facts(run: Record, zone: tzinfo) -> Iterator[tuple[str, str]]:
    low, high = (point(run[end], zone) for end in ("window_low", "window_high"))
    before, after = (point(run[end], zone) for end in ("watermark_before", "watermark_after"))
    process = f"{run['host']} pid {run['pid']} qupersync {run['version']}"
    facts = {
        "error": run["error"],
        "code": run["error_code"],
        "next": run["next"],
        "again": run["again"] if run["error"] else None,
        "run": str(run["run_id"]),
        "started": f"{moment(run['started_at'], zone)} by {run['trigger']} on {process}",
        "took": spent(run["duration_ms"]),
        "window": f"{low} to {high}" if run["window_low"] else None,
        "watermark": after if before in {after, "-"} else f"{before} -> {after}",
        "rows": _rows(run),
        "batches": _batches(run, zone),
        "attempts": "; ".join(_attempts(run)) if run["attempts"] > 1 else None,
        "read again": None if run["error"] else run["again"],
        "pass": str(run["correlation_id"]),
        "repeats": run["replay_of"] and str(run["replay_of"]),
    }
    yield from ((label, text) for label, text in facts.items() if text and text != "-")
    for repeat in run["replayed_by"]:
        kind = "rejects" if repeat["is_of_rejects"] else repeat["trigger"]
        yield "repeated by", f"{repeat['run_id']} ({kind}, {repeat['status']})"
    yield from (("warning", warning) for warning in run["warnings"])
    yield from (("rejects", line) for line in _rejects(run))


def _attempts(run: Record) -> Iterator[str]:
    for part in run["attempts_made"]:
        waited = f", then {spent(part['backoff_ms'])} of waiting" if part["backoff_ms"] else ""
        yield f"{part['attempt']} {part['error_code'] or part['status']}{waited}"
    if run["completed_at"] is None and run["attempts"] > len(run["attempts_made"]):
        yield f"{run['attempts']} {run['status']}"


def _rows(run: Record) -> str:
    counts = {
        "new": run["rows_inserted"],
        "changed": run["rows_updated"],
        "the same": run["rows_unchanged"],
        "of the same key": run["rows_deduplicated"],
        "rejected": run["rows_skipped"],
        "deleted": run["rows_deleted"],
        "late": run["rows_late"],
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{run['rows_extracted']} read" + (f": {told}" if told else "")


def _batches(run: Record, zone: tzinfo) -> str | None:
    if not run["pieces"]:
        return f"{run['batches']}, no longer in the ledger" if run["batches"] else None
    last = run["pieces"][-1]
    at = point(last["committed_at"], zone)
    return f"{run['batches']}, the last is {last['last_batch_seq']}, committed {at}"


def _rejects(run: Record) -> Iterator[str]:
    for part in run["rejects"]:
        where = f" in {part['column_name']}" if part["column_name"] else ""
        ids = ", ".join(map(str, part["reject_ids"]))
        more = ", ..." if part["rows"] > len(part["reject_ids"]) else ""
        is_open = f"{part['open']} open" if part["open"] else "all resolved"
        yield f"{part['rows']} {part['reason']}{where}, {is_open}: reject_id {ids}{more}"
