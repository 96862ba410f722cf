"""Which columns the tables on a terminal have."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from qupersync.interface.documents import Record
from qupersync.interface.render import Column
from qupersync.interface.text import ago, left, moment, spent

_TO_MINUTES = len("2026-01-02 03:04")
_TELLING = 8


def of_status(zone: tzinfo) -> Iterable[Column]:
    """Return the columns of ``status``."""
    return (
        Column("job", _plain("job")),
        Column("state", _plain("state")),
        Column("success", lambda record: ago(_age(record))),
        Column("watermark", lambda record: point(record["watermark"], zone)),
        *_counts(),
        Column("loss in", lambda record: left(record["loss_in_s"]), only_wide=True),
        Column("took", lambda record: spent(record["duration_ms"]), is_number=True),
    )


def of_watermarks(zone: tzinfo) -> Iterable[Column]:
    """Return the columns of ``watermark show``."""
    return (
        Column("job", _plain("job")),
        Column("watermark", lambda record: point(record["watermark"], zone)),
        Column("gaps", lambda record: str(len(record["gaps"])), is_number=True),
        Column("changed by hand", lambda record: _changed(record["changed"], zone)),
        Column("type", _plain("watermark_type"), only_wide=True),
        Column("column", _plain("watermark_column"), only_wide=True),
        Column("target", _plain("target"), only_wide=True),
    )


def of_runs(zone: tzinfo) -> Iterable[Column]:
    """Return the columns of ``history``."""
    return (
        Column("started", lambda record: moment(record["started_at"], zone)[:_TO_MINUTES]),
        *of_pass(),
        Column("trigger", _plain("trigger"), only_very_wide=True),
        Column("window", lambda record: _window(record, zone), only_very_wide=True),
        Column("run", short),
    )


def short(run: Record) -> str:
    """Return as much of a run's id as tells it from others, for ``show``."""
    return str(run["run_id"])[:_TELLING]


def of_pass() -> Iterable[Column]:
    """Return the columns of the table with which ``run`` closes."""
    return (
        Column("job", _plain("job")),
        Column("status", _plain("status")),
        *_counts(),
        Column("deleted", _plain("rows_deleted"), is_number=True, only_wide=True),
        Column("took", lambda record: spent(record["duration_ms"]), is_number=True),
    )


def of_jobs() -> Iterable[Column]:
    """Return the columns of ``list``."""
    return (
        Column("job", _plain("job")),
        Column("mode", _plain("mode")),
        Column("target", _plain("target")),
        Column("tags", lambda record: ", ".join(record["tags"])),
        Column("description", _plain("description"), only_wide=True),
    )


def point(text: str | None, zone: tzinfo) -> str:
    """Return a watermark for people: a time in ``zone``, anything else as it is stored."""
    if text is None or "T" not in text:
        return text or "-"
    try:
        return moment(datetime.fromisoformat(text).astimezone(UTC), zone)
    except ValueError:
        return text


def _plain(name: str) -> Callable[[Record], str]:
    return lambda record: "-" if record[name] is None else str(record[name])


def _counts() -> Iterable[Column]:
    return (
        Column("read", _plain("rows_extracted"), is_number=True),
        Column("written", _written, is_number=True),
        Column("new", _plain("rows_inserted"), is_number=True, only_wide=True),
        Column("changed", _plain("rows_updated"), is_number=True, only_wide=True),
        Column("same", _plain("rows_unchanged"), is_number=True, only_wide=True),
        Column("rejected", _plain("rows_skipped"), is_number=True, only_wide=True),
        Column("late", _late, only_wide=True),
    )


def _written(record: Record) -> str:
    if record["rows_inserted"] is None:
        return "-"
    return str(record["rows_inserted"] + record["rows_updated"])


def _late(record: Record) -> str:
    if not record["rows_late"]:
        return _plain("rows_late")(record)
    return f"{record['rows_late']}, up to {spent(record['late_max_ms'])}"


def _window(run: Record, zone: tzinfo) -> str:
    low, high = (point(run[end], zone) for end in ("window_low", "window_high"))
    return "-" if low == "-" else f"{low} to {high}"


def _changed(change: Record | None, zone: tzinfo) -> str:
    if change is None:
        return "-"
    at = moment(datetime.fromisoformat(change["at"]), zone)
    return f"{change['what']} by {change['by']} at {at}, was {point(change['from'], zone)}"


def _age(record: Record) -> timedelta | None:
    seconds = record["last_success_age_s"]
    return None if seconds is None else timedelta(seconds=seconds)
