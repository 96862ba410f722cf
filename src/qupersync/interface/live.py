"""Live lines at the foot of a terminal, one for each run under way."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from qupersync.interface.documents import Record
from qupersync.interface.text import left, spent

_BAR = 10


class Terminal(Console):
    """The terminal behind stderr, without colours.

    It leaves the cursor alone: a process that ends at once could not show it again.
    """

    def __init__(self) -> None:
        super().__init__(file=sys.stderr, color_system=None, soft_wrap=True)

    @property
    def can_move(self) -> bool:
        """Tell whether there is a terminal, and one that can go back to a line."""
        return sys.stderr.isatty() and self.is_interactive

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - inherited
        """Do nothing."""
        return False


@contextmanager
def shown(records: Callable[[], list[Record]], terminal: Terminal) -> Iterator[None]:
    """Show a line for each of the records inside the block; all else on stderr goes above."""
    live = Live(
        get_renderable=lambda: lines(records()),
        console=terminal,
        transient=True,
        redirect_stdout=False,
    )
    logs = [h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler)]
    logs = [handler for handler in logs if handler.stream is terminal.file]
    with live:  # from now on sys.stderr writes above the lines
        for handler in logs:
            handler.setStream(sys.stderr)
        try:
            yield
        finally:
            for handler in logs:
                handler.setStream(terminal.file)


def lines(records: list[Record]) -> RenderableType:
    """Return a line for each run, plain enough for any terminal; a long job name is cut short."""
    if not records:
        return Group()
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    for _ in range(5):
        table.add_column(justify="right", no_wrap=True, overflow="crop")
    for record in records:
        job = Text(record["job"], no_wrap=True, overflow="crop")
        table.add_row(job, *map(Text, _cells(record)))
    return table


def _cells(record: Record) -> Iterator[str]:
    rows, share, wait_ms = record["rows_extracted"], record["share"], record["backoff_ms"]
    waits = wait_ms is not None
    if waits:
        yield f"{record['error_code']}, waits {spent(wait_ms)}"
    else:
        yield f"{rows} rows" if rows else "reading"
    yield f"{record['rows_per_s']:.0f}/s" if rows and not waits else ""
    yield "" if share is None else f"[{'#' * int(share * _BAR):.<{_BAR}}] {share:4.0%}"
    yield f"{left(record['left_s'])} left" if record["left_s"] and not waits else ""
    yield spent(int(record["elapsed_s"] * 1000))
