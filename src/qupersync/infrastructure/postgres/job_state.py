"""What ``quper.qupersync_state`` remembers of one job: its watermark, and looks at its source."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from qupersync.domain.gap import Gap
from qupersync.domain.visibility import Visibility
from qupersync.domain.watermark import Point, WatermarkType, canonical

STATE = """
SELECT s.watermark, s.watermark_type, s.details ->> 'watermark_column', s.target_table,
       coalesce(s.batch_seq, 0), (s.details ->> 'kept_s')::float8, now,
       s.details -> 'visibility',
       (SELECT l.window_high FROM quper.sync_logs AS l
         WHERE l.source = s.source AND l.sync_job_id = s.job AND l.status = 'success'
           AND l.trigger IN ('cron', 'manual') AND l.started_at >= coalesce(
                 greatest(CAST(s.details ->> 'began_at' AS timestamptz),
                          CAST(s.details #>> '{changed,at}' AS timestamptz)), '-infinity')
         ORDER BY l.started_at DESC LIMIT 1),
       s.details ? 'changed' AND s.watermark IS NOT DISTINCT FROM s.details #>> '{changed,to}',
       s.details ->> 'lost_until',
       coalesce(s.batch_seq, 0) = coalesce((s.details ->> 'first_seq')::bigint, 0)
  FROM clock_timestamp() AS now
  LEFT JOIN quper.qupersync_state AS s ON s.source = %(source)s AND s.job = %(job)s
"""
# What was read before ``began_at`` says nothing of this table and column. A watermark that was
# reset begins anew with the same ones: their gaps stay until somebody acknowledges them.
ADOPT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = NULL, watermark_type = NULL,
       details = (CASE WHEN target_table = %(target)s AND watermark IS NULL THEN details
                       ELSE details - ARRAY['gaps', 'acknowledged', 'lost_until'] END
                  - 'watermark_column')
                 || jsonb_build_object('began_at', (SELECT started_at FROM quper.sync_logs
                                                     WHERE run_id = %(owner)s))
 WHERE source = %(source)s AND job = %(job)s
"""
CORRECT = """
UPDATE quper.qupersync_state
   SET target_table = %(target)s, watermark = %(to)s, watermark_type = %(kind)s,
       fence = %(fence)s, updated_at = clock_timestamp(),
       details = (CASE WHEN target_table = %(target)s
                        AND coalesce(details ->> 'watermark_column' = %(job_column)s, true)
                       THEN details
                       ELSE details - ARRAY['gaps', 'acknowledged', 'lost_until'] END
                  - 'watermark_column')
                 || jsonb_strip_nulls(jsonb_build_object(
                      'watermark_column', %(column)s::text, 'began_at',
                      CASE WHEN target_table = %(target)s AND watermark_type = %(kind)s
                            AND coalesce(details ->> 'watermark_column' = %(job_column)s, true)
                           THEN NULL ELSE clock_timestamp() END))
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
# to the same row: it stays one, and what somebody acknowledged stays acknowledged. One that begins
# earlier, as after the watermark was set back, is more than anybody knows of.
NOTE_GAP = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('lost_until', greatest(
         details ->> 'lost_until', %(high)s::text COLLATE "C"), 'gaps', coalesce(
         (SELECT jsonb_agg(gap) FROM jsonb_array_elements(details -> 'gaps') AS gap
           WHERE gap ->> 'low' <> %(low)s), '[]')
         || jsonb_strip_nulls(jsonb_build_object(
              'low', %(low)s::text, 'high', %(high)s::text, 'run_id', %(owner)s::text,
              'young', %(young)s::text)))
 WHERE source = %(source)s AND job = %(job)s AND NOT EXISTS (
         SELECT FROM jsonb_array_elements(coalesce(details -> 'gaps', '[]')
                                          || coalesce(details -> 'acknowledged', '[]')) AS known
          WHERE known ->> 'high' = %(high)s AND known ->> 'low' <= %(low)s COLLATE "C")
"""
UNSETTLED_GAPS = """
SELECT gap ->> 'low', gap ->> 'high', CAST(gap ->> 'young' AS timestamptz)
  FROM quper.qupersync_state, jsonb_array_elements(details -> 'gaps') AS gap
 WHERE source = %(source)s AND job = %(job)s AND gap ? 'young'
"""
SETTLE_GAP = """
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('gaps', coalesce(
         (SELECT jsonb_agg(CASE WHEN is_it THEN gap - 'young' ELSE gap END)
            FROM jsonb_array_elements(details -> 'gaps') AS gap,
                 LATERAL (SELECT gap @> %(ends)s AS is_it) AS compared
           WHERE %(is_gap)s OR NOT is_it), '[]'))
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
    is_new: bool


def stored(cursor: Cursor[TupleRow], names: dict[str, Any]) -> Stored:
    """Return what is stored of the job that ``names`` gives; nothing yet is no error."""
    [row] = cursor.execute(STATE, names).fetchall()
    watermark, kind, column, table, batch_seq, kept_s, now, seen, reached, corrected, *rest = row
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
        lost_until=rest[0],
        is_new=rest[1],
    )


def note_look(
    cursor: Cursor[TupleRow], names: dict[str, Any], kept: timedelta | None, gap: Gap | None
) -> None:
    """Remember how long the source keeps rows, and a gap."""
    kept_s = None if kept is None else kept.total_seconds()
    cursor.execute(NOTE_LOOK, names | {"kept_s": kept_s})
    if gap is not None:
        young = None if gap.young is None else canonical(gap.young)
        cursor.execute(NOTE_GAP, names | _ends(gap) | {"young": young})


def unsettled_gaps(
    cursor: Cursor[TupleRow], names: dict[str, Any], kind: WatermarkType
) -> tuple[Gap, ...]:
    """Return the gaps that nobody has judged yet."""
    rows = cursor.execute(UNSETTLED_GAPS, names).fetchall()
    return tuple(Gap(kind.parse(low), kind.parse(high), young) for low, high, young in rows)


def settle(cursor: Cursor[TupleRow], names: dict[str, Any], gap: Gap, *, is_gap: bool) -> None:
    """Keep a gap for good, or forget it."""
    cursor.execute(SETTLE_GAP, names | {"ends": Jsonb(_ends(gap)), "is_gap": is_gap})


def _ends(gap: Gap) -> dict[str, Any]:
    return {"low": canonical(gap.low), "high": canonical(gap.high)}


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
    cursor.execute(CORRECT, names | values | {"job_column": column})
