"""Records to a table, to JSON or to lines; the only place that draws."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from qupersync.domain.watermark import canonical
from qupersync.interface.documents import Record
from qupersync.interface.options import Output
from qupersync.interface.text import put, visible

# With fewer characters in a line the columns marked as wide would be broken to bits.
WIDE, VERY_WIDE = 130, 170


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, what it shows of a record, and where it stands."""

    title: str
    cell: Callable[[Record], str]
    is_number: bool = False
    only_wide: bool = False
    only_very_wide: bool = False


def show(
    records: Sequence[Record], columns: Iterable[Column], output: Output, zone: tzinfo
) -> None:
    """Write the records to stdout.

    A table shows the columns, fewer in a narrow terminal. Where there is no terminal it becomes
    tab-separated lines of every field, under a line with their names; times are in ``zone``.
    JSON is an array of objects, times in UTC.
    """
    if output is Output.JSON:
        show_document(records)
    elif is_table(output):
        draw(records, columns)
    else:
        _lines(records, zone)


def is_table(output: Output) -> bool:
    """Tell whether the reader gets a table, which does not show every field."""
    return output is Output.TABLE and sys.stdout.isatty()


def show_document(document: object, limit_s: float = 0) -> None:
    """Write one JSON document to stdout, with a limit as ``put`` has it."""
    put(json.dumps(document, default=_plain, indent=2) + "\n", limit_s)


def draw(records: Sequence[Record], columns: Iterable[Column]) -> None:
    """Draw a table on the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown = [column for column in columns if console.width >= _needed(column)]
    for column in shown:
        table.add_column(
            column.title.upper(),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number,
            overflow="fold",
        )
    for record in records:
        table.add_row(*(Text(visible(column.cell(record))) for column in shown))
    console.print(table)


def _needed(column: Column) -> int:
    return VERY_WIDE if column.only_very_wide else WIDE if column.only_wide else 0


def _lines(records: Sequence[Record], zone: tzinfo) -> None:
    for record in records[:1]:
        put("\t".join(record) + "\n")
    for record in records:
        put("\t".join(visible(_field(value, zone)) for value in record.values()) + "\n")


def _field(value: object, zone: tzinfo) -> str:
    match value:
        case datetime():
            return value.astimezone(zone).isoformat()
        case list() | tuple():
            return "; ".join(_field(part, zone) for part in value)
        case dict():
            return json.dumps(value)
        case _:
            return "" if value is None else str(value)


def _plain(value: object) -> str:
    match value:
        case datetime():
            return canonical(value.astimezone(UTC))
        case UUID():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} is not for JSON")
