"""One fenced transaction: rows, rejects, ledger and watermark, all of them or nothing."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from qupersync.domain.batch import Reject
from qupersync.domain.errors import LeaseLostError, RowAccountingError
from qupersync.domain.observed import Observed
from qupersync.domain.ports import Entry, Lease, Merged, Terms
from qupersync.domain.row_check import Block
from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical
from qupersync.infrastructure.postgres import rejects, run_log
from qupersync.infrastructure.postgres.leases import RELEASE, fence, identity
from qupersync.infrastructure.postgres.merging import Merging
from qupersync.infrastructure.postgres.staging import Staging

LEDGER = """
INSERT INTO quper.sync_batches (source, sync_job_id, batch_seq, run_id, fence, window_low,
    window_high, watermark, rows_extracted, rows_inserted, rows_updated, rows_unchanged,
    rows_deduplicated, rows_skipped, rows_deleted, completes, rows_late, late_max_ms)
VALUES (%(source)s, %(job)s, %(seq)s + 1, %(run)s, %(fence)s, %(low)s, %(high)s, %(mark)s,
    %(extracted)s, %(inserted)s, %(updated)s, %(unchanged)s, %(deduplicated)s, %(skipped)s,
    %(deleted)s, %(completes)s, %(late)s, %(late_max_ms)s)
RETURNING xid
"""
XID = "SELECT pg_current_xact_id()::text"
ADVANCE = """
UPDATE quper.qupersync_state
   SET batch_seq = batch_seq + 1, fence = %(fence)s, watermark = coalesce(%(mark)s, watermark),
       watermark_type = coalesce(%(kind)s, watermark_type), updated_at = clock_timestamp(),
       details = details
                 || jsonb_strip_nulls(jsonb_build_object('watermark_column', %(column)s::text,
                                                         'visibility', %(seen)s::jsonb))
 WHERE source = %(source)s AND job = %(job)s AND batch_seq = %(seq)s AND fence <= %(fence)s
"""


@dataclass(slots=True)
class Standing:
    """How far a job is under its lease; ``open_keys`` are those of rejects nobody resolved."""

    lease: Lease
    kind: WatermarkType | None
    batch_seq: int = 0
    open_keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Unit:
    """Keeps the promises of ``ports.Unit``."""

    standing: Standing
    cursor: Cursor[TupleRow]
    staging: Staging
    terms: Terms
    merging: Merging = field(init=False)
    _observed: Observed | None = field(default=None, init=False)
    entries: int = 0
    xid: str = ""
    ended: Run | None = None

    def __post_init__(self) -> None:
        self.merging = Merging(self.staging)

    def fence(self) -> None:
        """Make sure that the lease is held until the end; from here on the client only computes.

        Raises: as ``leases.fence`` does.
        """
        idle_limit = f"{round(self.terms.idle_limit_s * 1000)}ms"
        fence(self.cursor, self.standing.lease, idle_limit)

    def stage(self, block: Block) -> list[Reject]:
        """Keep the promise of ``ports.Unit.stage``."""
        rejects = self.staging.add(block, self.merging.comparing.glance)
        self.merging.comparing()
        return rejects

    def merge(self, late: Window | None = None) -> Merged:
        """Keep the promise of ``ports.Unit.merge``."""
        return self.merging(late)

    def stage_early(self, block: Block) -> bool:
        """Stage rows before the fence as the bytes that came, or not at all; tell which.

        What will be asked before their merge, and in it, is found out too if it can be. Without
        them the transaction is of no more use.
        """
        is_raw = self.staging.add_raw(block, self.merging.glance, is_early=True)
        if is_raw and self.staging.is_judged:
            self.merging.foresee()
            if self.terms.look is not None:
                self.observe()
        return is_raw

    def judge(self, block: Block) -> bool:
        """After the fence, tell whether rows that were staged before keep the rules."""
        return self.staging.judge(block, self.merging.recognise)

    def write_early(self, turn: Callable[[float], bool]) -> None:
        """Write the rows before their turn, if all seem to be new; else nothing of it stays.

        ``turn`` waits so many seconds for their turn, and tells whether it came.

        Raises: as ``fence`` and ``merge`` do.
        """
        self.merging.appending.early(self.fence, turn)

    def observe(self) -> Observed:
        """Keep the promise of ``ports.Unit.observe``."""
        if self._observed is None:
            self._observed = self._looked()
        return self._observed

    def _looked(self) -> Observed:
        if self.terms.look is None:
            raise AssertionError("the terms do not say what to look for")
        if whole := self.staging.whole:
            _, *seen = whole.answers
        else:
            query = self.staging.statements().observe(self.terms.look)
            seen = list(self.cursor.execute(query).fetchone() or (0, 0, 0, None, None))
        missing, outside, given_up, oldest_open, newest = seen
        if isinstance(oldest_open, datetime):
            oldest_open = oldest_open.replace(tzinfo=oldest_open.tzinfo or UTC)
        return Observed(
            missing=missing,
            outside=outside,
            given_up=given_up,
            oldest_open=oldest_open,
            newest=newest,
        )

    def seen(self) -> tuple[int, int]:
        """Keep the promise of ``ports.Unit.seen``."""
        if len(self.staging.load_sql.key) == 1:
            return self.staging.held, self.merging.upserted
        row = self.cursor.execute(self.staging.statements().seen()).fetchone()
        return row or (0, 0)

    def missing(self) -> tuple[int, int]:
        """Keep the promise of ``ports.Unit.missing``."""
        upserted, total = self.merging.upserted, self.merging.total
        if total == upserted:
            return 0, total
        row = self.cursor.execute(self.staging.statements().missing(upserted)).fetchone()
        return row or (0, 0)

    def owners_gone(self) -> int:
        """Keep the promise of ``ports.Unit.owners_gone``."""
        return int(self.staging.value(self.staging.statements().owners_gone()))

    def delete_missing(self) -> int:
        """Keep the promise of ``ports.Unit.delete_missing``."""
        return self.cursor.execute(self.staging.statements().delete_missing()).rowcount

    def awaited(self, keys: Callable[[], Sequence[str]]) -> set[str]:
        """Keep the promise of ``ports.Unit.awaited``."""
        return self.standing.open_keys.intersection(keys()) if self.standing.open_keys else set()

    def supersede(self, keys: Collection[str]) -> None:
        """Keep the promise of ``ports.Unit.supersede``."""
        if keys:
            rejects.supersede(self.cursor, self.standing.lease, keys)

    def set_aside(self, found: Sequence[Reject]) -> int:
        """Keep the promise of ``ports.Unit.set_aside``."""
        self.standing.open_keys.update(reject.key for reject in found)
        return rejects.set_aside(self.cursor, self.standing.lease, found)

    def delete_older(self, point: Point, *, at_most: int) -> int:
        """Keep the promise of ``ports.Unit.delete_older``."""
        return self.cursor.execute(self.staging.load_sql.delete_older(point, at_most)).rowcount

    def commit(self, entry: Entry) -> None:
        """Keep the promise of ``ports.Unit.commit``; the transaction itself ends with its block."""
        if not entry.tally.is_balanced:
            raise RowAccountingError(f"the counts of a batch do not add up: {entry.tally}")
        values = identity(self.standing.lease) | {"seq": self.standing.batch_seq} | _line(entry)
        if entry.mark is not None:
            values |= {"kind": self.standing.kind, "column": self.staging.load_sql.watermark}
        self.xid = self.staging.value(LEDGER, values)
        if self.cursor.execute(ADVANCE, values).rowcount != 1:
            raise LeaseLostError
        self.entries += 1

    def close(self, run: Run) -> Run:
        """Keep the promise of ``ports.Unit.close``."""
        self.xid = self.staging.value(XID)
        self.ended = run_log.closed(self.cursor, replace(run, status=Status.SUCCESS))
        if self.ended.completed_at is None:
            raise LeaseLostError  # only the next holder closes the run of another
        self.cursor.execute(RELEASE, identity(self.standing.lease))
        return self.ended


def _line(entry: Entry) -> dict[str, Any]:
    window, lateness = entry.window, entry.lateness
    return asdict(entry.tally) | {
        "run": entry.run.run_id,
        "low": _text(window.low if window else None),
        "high": _text(window.high if window else None),
        "mark": _text(entry.mark),
        "kind": None,
        "column": None,
        "completes": entry.completes,
        "late": lateness.rows,
        "late_max_ms": lateness.longest_ms,
        "seen": entry.seen and Jsonb(asdict(entry.seen)),
    }


def _text(point: Point | None) -> str | None:
    return None if point is None else canonical(point)
