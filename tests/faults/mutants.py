"""The classic mistakes of such a program, each made by an assignment in this process only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from threading import Event
from types import SimpleNamespace
from typing import Any

from psycopg.sql import SQL

from qupersync.application import pieces as real_pieces
from qupersync.domain import pulse as real_pulse
from qupersync.domain.observed import Observed
from qupersync.domain.watermark import WatermarkType
from qupersync.infrastructure.postgres import asked_sql as real_asked_sql
from qupersync.infrastructure.postgres import leases as real_leases
from qupersync.infrastructure.postgres import merge_sql as real_merge_sql
from qupersync.infrastructure.postgres import merging as real_merging
from qupersync.infrastructure.postgres import same_sql as real_same_sql
from qupersync.infrastructure.postgres import table as real_table
from qupersync.infrastructure.postgres import uniqueness as real_uniqueness
from qupersync.infrastructure.postgres import unit as real_unit

# What is made wrong here has types that are right.
pieces: Any = real_pieces
pulse: Any = real_pulse
observed: Any = Observed
leases: Any = real_leases
merge_sql: Any = real_merge_sql
asked_sql: Any = real_asked_sql
merging: Any = real_merging
same_sql: Any = real_same_sql
table: Any = real_table
unit: Any = real_unit
uniqueness: Any = real_uniqueness

CAS = "AND batch_seq = %(seq)s AND fence <= %(fence)s"
NEXT = "(SELECT coalesce(max(batch_seq), 0) + 1 FROM quper.sync_batches)"
RANKED = "r.place > 1"


def none() -> None:
    """The product as it is."""


def watermark_before_data() -> None:
    """Each batch claims the whole piece."""
    pieces._with_last = lambda batches: ((batch, True) for batch in batches)


def greater_for_greater_or_equal() -> None:
    right = pieces.bound
    pieces.bound = lambda sql, window: right(sql.replace(">=", ">"), window)


def no_fence_and_no_compare_and_set() -> None:
    leases.FENCE = "SELECT false"  # nobody asked it to stop
    unit.ADVANCE = _without(unit.ADVANCE, CAS)
    # The ledger's key is a third guard.
    unit.LEDGER = _without(unit.LEDGER, "%(seq)s + 1", NEXT)


def watermark_is_the_newest_row_seen() -> None:
    asked_sql.WatermarkType = SimpleNamespace(BIGINT=WatermarkType.TIMESTAMP)

    def mark(self: Observed, _window: Any, _frontier: Any, before: Any) -> Any:
        newest: Any = self.newest
        return newest.replace(tzinfo=UTC) if newest else before

    observed.mark = mark


def dedupe_off() -> None:
    text = merge_sql.MERGE.as_string()
    merge_sql.MERGE = SQL(_without(text, RANKED, "false"))


def log_after_commit() -> None:
    """The ledger is written in a transaction of its own, after that of the rows."""
    right, ledger, nothing = table.Table.unfenced, unit.LEDGER, f"{unit.XID} AS xid"

    @contextmanager
    def late(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        values: list[Any] = []
        with right(self, *args, **kwargs) as opened:
            opened.cursor = _Remembering(opened.cursor, values)
            yield opened
        for parameters in values:
            self.session.execute(ledger, parameters)

    class _Remembering:
        def __init__(self, cursor: Any, values: list[Any]) -> None:
            self.cursor, self.values = cursor, values

        def __getattr__(self, name: str) -> Any:
            return getattr(self.cursor, name)

        def execute(self, query: Any, parameters: Any = None) -> Any:
            if query == nothing:
                self.values.append(parameters)
                parameters = None
            return self.cursor.execute(query, parameters)

    unit.LEDGER = nothing
    table.Table.unfenced = late


def fence_never_taken() -> None:
    unit.Unit.fence = lambda _unit: None


def no_key_is_twice_in_a_batch() -> None:
    merging.Merging._repeats = lambda _merging: False


def all_rows_are_as_they_were() -> None:
    """Where the batch before was."""
    same_sql.SAME = SQL("true")


def all_rows_are_new() -> None:
    """Where the batch before was."""
    uniqueness.UNIQUE_VIOLATION = "none"


def stuck_behind_the_first_batch() -> None:
    """As a deadlock in this process would; nobody has to wait a minute for it to count as one."""
    right, pulse.STALL_S = pieces.Pieces._committed, 1.0

    def committed(self: Any, piece: Any, run: Any, *args: Any, **kwargs: Any) -> Any:
        if run.batches:
            Event().wait()
        return right(self, piece, run, *args, **kwargs)

    pieces.Pieces._committed = committed


def _without(text: str, part: str, instead: str = "") -> str:
    assert part in text, f"no {part!r} in: {text}"
    return text.replace(part, instead)


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__.replace("_", "-"): mutant
    for mutant in (
        none,
        watermark_before_data,
        greater_for_greater_or_equal,
        no_fence_and_no_compare_and_set,
        watermark_is_the_newest_row_seen,
        dedupe_off,
        log_after_commit,
        fence_never_taken,
        no_key_is_twice_in_a_batch,
        all_rows_are_as_they_were,
        all_rows_are_new,
        stuck_behind_the_first_batch,
    )
}
