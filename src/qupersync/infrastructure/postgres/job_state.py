"""What ``quper.qupersync_state`` remembers of one job: its watermark, and looks at its source."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow

from qupersync.domain.gap import Gap
from qupersync.domain.watermark import canonical

STATE = """
SELECT watermark, watermark_type, details ->> 'watermark_column', target_table, batch_seq,
       (details ->> 'kept_s')::float8, clock_timestamp(),
       (SELECT l.window_high FROM quper.sync_logs AS l
         WHERE l.source = s.source AND l.sync_job_id = s.job AND l.status = 'success'
           AND l.trigger IN ('cron', 'manual') ORDER BY l.started_at DESC LIMIT 1)
  FROM quper.qupersync_state AS s WHERE source = %(source)s AND job = %(job)s
"""
ADOPT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = NULL, watermark_type = NULL,
       details = details - 'watermark_column'
 WHERE source = %(source)s AND job = %(job)s
"""
# A gap that was found but not yet passed, because that run broke, is found again: it stays one.
NOTE_LOOK = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_strip_nulls(jsonb_build_object('kept_s', %(kept_s)s::float8))
 WHERE source = %(source)s AND job = %(job)s
"""
NOTE_GAP = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('gaps', coalesce(
         (SELECT jsonb_agg(gap) FROM jsonb_array_elements(details -> 'gaps') AS gap
           WHERE gap ->> 'low' <> %(low)s), '[]')
         || jsonb_build_object('low', %(low)s::text, 'high', %(high)s::text, 'run_id',
                               %(owner)s::text))
 WHERE source = %(source)s AND job = %(job)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The state as it stands in the row, its points as text."""

    watermark: str | None
    type: str | None
    column: str | None
    table: str
    batch_seq: int
    kept: timedelta | None
    now: datetime
    reached: str | None


def stored(cursor: Cursor[TupleRow], names: dict[str, Any]) -> Stored | None:
    """Return what is stored of the job that ``names`` gives; None if nothing is."""
    row = cursor.execute(STATE, names).fetchone()
    if row is None:
        return None
    watermark, kind, column, table, batch_seq, kept_s, now, reached = row
    return Stored(
        watermark=watermark,
        type=kind,
        column=column,
        table=table,
        batch_seq=batch_seq,
        kept=None if kept_s is None else timedelta(seconds=kept_s),
        now=now,
        reached=reached,
    )


def note_look(
    cursor: Cursor[TupleRow], names: dict[str, Any], kept: timedelta | None, gap: Gap | None
) -> None:
    """Remember how long the source keeps rows, and a gap."""
    cursor.execute(NOTE_LOOK, names | {"kept_s": kept and kept.total_seconds()})
    if gap is not None:
        cursor.execute(NOTE_GAP, names | {"low": canonical(gap.low), "high": canonical(gap.high)})
