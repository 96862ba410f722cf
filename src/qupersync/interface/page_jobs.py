"""The jobs on the page: those that need somebody with what to type, and all with their drawings."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element

from qupersync.domain.status import Health, JobStatus
from qupersync.domain.track_record import TrackRecord
from qupersync.interface import documents
from qupersync.interface.html import Content, element, table
from qupersync.interface.page_runs import count, number, quoted
from qupersync.interface.sparkline import PLACES, Bar, sparkline
from qupersync.interface.text import ago, spent

Runs = Sequence[Mapping[str, Any]]
_COMMAND = re.compile(r"(qupersync [^,;]+)")


def problems(records: Sequence[TrackRecord]) -> Iterator[Content]:
    """Yield, for each job that needs somebody, why and what to type."""
    yield element("ul", *map(_problem, records), class_="problems")


def _problem(record: TrackRecord) -> Element:
    status = record.status
    last = status.last_run
    parts = [element("h3", status.job, " ", _state(status.health)), element("p", _why(record))]
    if status.health is Health.FAILED and last and last.error:
        parts.append(element("p", quoted(last.error), class_="error"))
    # The same words as `qupersync status` has.
    advice = documents.of_status(status)["next"]
    history = element("code", f"qupersync history {status.job}")
    parts.append(element("p", "Do: ", *_with_commands(advice), class_="next"))
    parts.append(element("p", "Look closer: ", history, class_="small"))
    return element("li", *parts, class_=status.health.value)


def _why(record: TrackRecord) -> str:
    status, last = record.status, record.status.last_run
    if status.health is Health.NEVER or last is None:
        return "It never ran."
    success = f"Last success {_age(status)}"
    if status.health is Health.STALE:
        usual = spent(status.expect_every // timedelta(milliseconds=1))
        return f"{success}; expected every {usual}."
    ended = ago(status.now - last.completed_at) if last.completed_at else "at an unknown time"
    code = f" with {last.error_code}" if last.error_code else ""
    what = f"{last.status.capitalize()} {ended} after {spent(last.duration_ms)}{code}."
    return f"{what} {success}; {count(record.consecutive_failures, 'failure')} since."


def _with_commands(advice: str) -> Iterator[Content]:
    for at, part in enumerate(_COMMAND.split(advice)):
        if part:
            yield element("code", part) if at % 2 else part


def jobs(records: Sequence[TrackRecord], recent: Runs) -> Iterator[Content]:
    """Yield the table of all jobs with drawings of their ``recent`` runs, the newest run first."""
    of_job = defaultdict(list)
    for run in reversed(recent):
        of_job[run["job"]].append(run)
    titles = ("Job", "State", "Last success", "Time taken", "Rows read", "Set aside")
    rows = [_row(record, of_job[record.status.job]) for record in records]
    yield table("All jobs", titles, rows)
    yield element(
        "p",
        f"A bar is a run, the newest at the right, at most {PLACES} of them; "
        "a band behind it: the run did not end well.",
        class_="small",
    )


def _row(record: TrackRecord, runs: Runs) -> Sequence[Content]:
    status = record.status
    aside = str(record.open_rejects)
    return (
        element("span", element("b", status.job), element("small", status.target_table)),
        _state(status.health),
        _age(status),
        _drawn(status.job, "Time taken", runs, "duration_ms", spent),
        _drawn(status.job, "Rows read", runs, "rows_extracted", number),
        element("b", aside) if record.open_rejects else aside,
    )


def _drawn(
    job: str, title: str, runs: Runs, field: str, words: Callable[[int | None], str]
) -> Element:
    bars = [Bar(run[field], run["status"] == "success") for run in runs]
    values = [bar.value for bar in bars]
    last = words(values[-1]) if values else "-"
    bad = sum(not bar.is_well for bar in bars)
    told = f"Runs: {len(bars)}, not well: {bad}."
    if values:
        told += f" From {words(min(values))} to {words(max(values))}, the last {last}."
    name = f"{job}-{field}"
    drawing = sparkline(name, f"{title}, {job}", bars, told)
    return element("span", drawing, element("span", last), class_="drawn")


def _age(status: JobStatus) -> str:
    return ago(status.now - status.last_success_at if status.last_success_at else None)


def _state(health: Health) -> Element:
    return element("span", health.value, class_=f"state {health.value}")
