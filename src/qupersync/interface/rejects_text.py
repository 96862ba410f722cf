"""Rejects as people read them: the columns of their table, and one of them as a block."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from textwrap import wrap

from qupersync.interface.documents import Record
from qupersync.interface.render import Column
from qupersync.interface.text import moment, visible

_LABEL = 13
_KEY = 40


def columns(zone: tzinfo, *, with_resolved: bool) -> Iterable[Column]:
    """Return the columns of ``rejects list``."""
    yield Column("id", lambda reject: str(reject["reject_id"]), is_number=True)
    yield Column("job", lambda reject: reject["job"])
    yield Column("key", lambda reject: _cut(reject["key"]))
    yield Column("reason", _why)
    yield Column("column", lambda reject: reject["column_name"] or "-")
    yield Column("seen", lambda reject: str(reject["times_seen"]), is_number=True)
    yield Column("since", lambda reject: moment(reject["rejected_at"], zone))
    if with_resolved:
        yield Column("resolved", lambda reject: reject["resolution"] or "-")


def advice(reject: Record) -> str | None:
    """Return what to do about a reject, None if it is resolved."""
    if reject["resolution"]:
        return None
    number = reject["reject_id"]
    if reject["may_be_replayed"]:
        again = f"repair the table or the job, then: qupersync rejects replay {number}"
    else:
        again = (
            f"it was kept without its columns, so read it again: qupersync backfill {reject['job']}"
            f" --since 7d, or if it is a snapshot: qupersync run {reject['job']}"
        )
    return f"{again}; if nobody needs it: qupersync rejects discard {number}"


def block(reject: Record, width: int, zone: tzinfo) -> str:
    """Return a reject in lines; those about it are wrapped, a value of its row is one line.

    Nothing in it can move a cursor. Times are in ``zone``.
    """
    state = reject["resolution"] or "open"
    lines = [f"reject {reject['reject_id']} of {reject['job']}: {state}"]
    for label, text in _facts(reject, zone):
        lines += wrap(
            visible(text),
            width,
            initial_indent=f"  {label:{_LABEL}}",
            subsequent_indent=" " * (_LABEL + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines += ["", "row" if reject["row"] else "row: its bytes could not be read"]
    widest = max((len(visible(name)) for name in reject["row"]), default=0)
    for name, value in reject["row"].items():
        lines.append(f"  {visible(name):{widest}}  {'-' if value is None else visible(value)}")
    return "\n".join(lines) + "\n"


def _facts(reject: Record, zone: tzinfo) -> Iterator[tuple[str, str]]:
    where = f" in {reject['column_name']}" if reject["column_name"] else ""
    yield "reason", f"{_why(reject)}{where}"
    yield "key", _cut(reject["key"])
    seen = f"{reject['times_seen']} time{'' if reject['times_seen'] == 1 else 's'}"
    yield "seen", f"{seen} since {moment(reject['rejected_at'], zone)}"
    yield "last by run", str(reject["run_id"])
    if reject["resolved_at"]:
        yield "resolved", f"{reject['resolution']} {moment(reject['resolved_at'], zone)}"
    kind = reject["payload_format"].partition(" ")[0]
    yield "payload", f"{reject['payload_bytes']} bytes {kind} sha256 {reject['payload_sha256']}"
    if reject["next"]:
        yield "next", reject["next"]


def _why(reject: Record) -> str:
    state = f" (SQLSTATE {reject['sqlstate']})" if reject["sqlstate"] else ""
    return f"{reject['reason']}{state}"


def _cut(key: str) -> str:
    return key if len(key) <= _KEY else f"{key[: _KEY - 3]}..."
