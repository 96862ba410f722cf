"""What happened, on the page: warnings, rows set aside, and the last runs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any
from xml.etree.ElementTree import Element

from qupersync.interface.advice import one_line
from qupersync.interface.html import Content, element, table
from qupersync.interface.text import moment, spent

Runs = Sequence[Mapping[str, Any]]
MOST_WARNINGS = 40
MOST_CHARACTERS, MOST_IN_A_ROW = 1_000, 200


def count(amount: int, noun: str) -> str:
    """Return an amount of things in words."""
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def number(amount: int | None) -> str:
    """Return a number with its thousands apart."""
    return "-" if amount is None else f"{amount:,}"


def quoted(text: str, most: int = MOST_CHARACTERS) -> Element:
    """Return a server's message in one line, cut off where nobody would read on."""
    line = one_line(text)
    shown = line if len(line) <= most else f"{line[:most]} [cut off]"
    return element("span", shown, class_="quoted")


def warnings(recent: Runs, zone: tzinfo) -> Iterator[Content]:
    """Yield each different warning once, as of the last run that gave it."""
    seen: dict[tuple[str, str], list[datetime]] = {}
    for run in recent:
        for warning in run["warnings"]:
            seen.setdefault((run["job"], warning), []).append(run["started_at"])
    if not seen:
        yield element("p", "None.")
        return
    newest = sorted(seen.items(), key=lambda item: item[1][0], reverse=True)
    rows = [
        (job, quoted(text), _time(times[0], zone), str(len(times)))
        for (job, text), times in newest[:MOST_WARNINGS]
    ]
    yield table("Warnings", ("Job", "Warning", "Last", "Runs"), rows)
    if len(newest) > MOST_WARNINGS:
        yield element("p", f"Not shown: {len(newest) - MOST_WARNINGS} older ones.", class_="small")


def rejects(found: Sequence[Mapping[str, Any]], zone: tzinfo) -> Iterator[Content]:
    """Yield what is still open in ``quper.sync_rejects``, by job and reason."""
    if not found:
        yield element("p", "None.")
        return
    rows = [
        (
            reject["job"],
            quoted(reject["reason"], MOST_IN_A_ROW),
            quoted(reject["column_name"] or "-", MOST_IN_A_ROW),
            number(reject["count"]),
            _time(reject["since"], zone),
        )
        for reject in found
    ]
    yield table("Rows set aside", ("Job", "Reason", "Column", "Rows", "Since"), rows)
    yield element("p", "Row by row: ", element("code", "qupersync rejects list"), ".")


def latest(runs: Runs, zone: tzinfo) -> Iterator[Content]:
    """Yield the table of the last runs."""
    titles = ("Job", "Started", "Status", "Time taken", "Read", "Written", "Error")
    if runs:
        yield table("Last runs", titles, [_row(run, zone) for run in runs])
    else:
        yield element("p", "None.")


def _row(run: Mapping[str, Any], zone: tzinfo) -> Sequence[Content]:
    status = run["status"]
    return (
        run["job"],
        _time(run["started_at"], zone),
        element("span", status, class_=f"state {status}"),
        spent(run["duration_ms"]),
        number(run["rows_extracted"]),
        number(run["rows_inserted"] + run["rows_updated"]),
        _error(run),
    )


def _error(run: Mapping[str, Any]) -> Content:
    if not run["error_code"]:
        return "-"
    code = element("code", run["error_code"])
    if not run["error"]:
        return code
    return element("span", code, " ", quoted(run["error"], MOST_IN_A_ROW))


def _time(at: datetime, zone: tzinfo) -> Element:
    return element("time", moment(at, zone), datetime=at.isoformat())
