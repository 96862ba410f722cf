"""What ``quper.qupersync_state`` remembers of one job: its watermark, and looks at its source."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow

from qupersync.domain.gap import Gap
from qupersync.domain.visibility import Visibility
from qupersync.domain.watermark import Point, WatermarkType, canonical

STATE = """
SELECT s.watermark, s.watermark_type, s.details ->> 'watermark_column', s.target_table,
       coalesce(s.batch_seq, 0), (s.details ->> 'kept_s')::float8, now,
       s.details -> 'visibility',
       (SELECT l.window_high FROM quper.sync_logs AS l
         WHERE l.source = s.source AND l.sync_job_id = s.job AND l.status = 'success'
           AND l.trigger IN ('cron', 'manual') ORDER BY l.started_at DESC LIMIT 1),
       s.details ? 'changed' AND s.watermark IS NOT DISTINCT FROM s.details #>> '{changed,to}',
       s.details ->> 'lost_until'
  FROM clock_timestamp() AS now
  LEFT JOIN quper.qupersync_state AS s ON s.source = %(source)s AND s.job = %(job)s
"""
ADOPT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = NULL, watermark_type = NULL,
       details = details - 'watermark_column'
 WHERE source = %(source)s AND job = %(job)s
"""
CORRECT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = %(to)s, watermark_type = %(kind)s,
       fence = %(fence)s, updated_at = clock_timestamp(),
       details = (details - 'watermark_column')
                 || jsonb_strip_nulls(jsonb_build_object('watermark_column', %(column)s::text))
                 || jsonb_build_object('changed', jsonb_build_object(
                      'what', %(what)s::text, 'from', watermark, 'to', %(to)s::text,
                      'at', clock_timestamp(), 'by', %(by)s::text))
 WHERE source = %(source)s AND job = %(job)s
"""
NOTE_LOOK = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_strip_nulls(jsonb_build_object('kept_s', %(kept_s)s::float8))
 WHERE source = %(source)s AND job = %(job)s
"""
# A gap that was found but not passed, because that run broke, is found again by the next one, up
# to the same row: it stays one, and what somebody acknowledged stays acknowledged.
NOTE_GAP = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('lost_until', %(high)s::text, 'gaps', coalesce(
         (SELECT jsonb_agg(gap) FROM jsonb_array_elements(details -> 'gaps') AS gap
           WHERE gap ->> 'low' <> %(low)s), '[]')
         || jsonb_build_object('low', %(low)s::text, 'high', %(high)s::text, 'run_id',
                               %(owner)s::text))
 WHERE source = %(source)s AND job = %(job)s
   AND NOT coalesce(details -> 'gaps', '[]') || coalesce(details -> 'acknowledged', '[]')
           @> jsonb_build_array(jsonb_build_object('high', %(high)s::text))
"""
WITHDRAW_GAP = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('gaps', coalesce(
         (SELECT jsonb_agg(gap) FROM jsonb_array_elements(details -> 'gaps') AS gap
           WHERE (gap ->> 'low', gap ->> 'high') <> (%(low)s, %(high)s)), '[]'))
 WHERE source = %(source)s AND job = %(job)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The state as it stands in the row, its points as text."""

    watermark: str | None
    type: str | None
    column: str | None
    table: str | None
    batch_seq: int
    kept: timedelta | None
    now: datetime
    reached: str | None
    seen: Visibility | None
    is_corrected: bool
    lost_until: str | None


def stored(cursor: Cursor[TupleRow], names: dict[str, Any]) -> Stored:
    """Return what is stored of the job that ``names`` gives; nothing yet is no error."""
    [row] = cursor.execute(STATE, names).fetchall()
    watermark, kind, column, table, batch_seq, kept_s, now, seen, reached, corrected, lost = row
    return Stored(
        watermark=watermark,
        type=kind,
        column=column,
        table=table,
        batch_seq=batch_seq,
        kept=None if kept_s is None else timedelta(seconds=kept_s),
        now=now,
        reached=reached,
        seen=seen and Visibility(**seen),
        is_corrected=bool(corrected),
        lost_until=lost,
    )


def note_look(
    cursor: Cursor[TupleRow], names: dict[str, Any], kept: timedelta | None, gap: Gap | None
) -> None:
    """Remember how long the source keeps rows, and a gap."""
    cursor.execute(NOTE_LOOK, names | {"kept_s": kept and kept.total_seconds()})
    if gap is not None:
        cursor.execute(NOTE_GAP, names | {"low": canonical(gap.low), "high": canonical(gap.high)})


def withdraw(cursor: Cursor[TupleRow], names: dict[str, Any], gap: Gap) -> None:
    """Forget a gap."""
    ends = {"low": canonical(gap.low), "high": canonical(gap.high)}
    cursor.execute(WITHDRAW_GAP, names | ends)


def correct(
    cursor: Cursor[TupleRow],
    names: dict[str, Any],
    watermark: Point | None,
    column: str | None,
    kind: WatermarkType | None,
) -> None:
    """Set the watermark, or forget it with all that says what it is of; remember who did it."""
    values: dict[str, Any] = {"what": "reset", "to": None, "kind": None, "column": None}
    if watermark is not None:
        values = {"what": "set", "to": canonical(watermark), "kind": kind, "column": column}
    cursor.execute(CORRECT, names | values)
