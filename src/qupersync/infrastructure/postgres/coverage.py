"""Which stretch of time the ledger says was read without a break: range types count it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from qupersync.domain.verdict import Coverage
from qupersync.domain.watermark import Point, WatermarkType, Window, canonical

# A run that found no watermark began the story anew, and so did whoever set the watermark of
# another table or column: what was read before that says nothing of the table now. Of a gap the
# windows around it were read, but not what the source had dropped by then.
_BEGAN = SQL("""
WITH known AS (
  SELECT watermark, details FROM quper.qupersync_state
   WHERE source = %(source)s AND job = %(job)s),
began AS (
  SELECT greatest(max(started_at),
                  (SELECT CAST(details ->> 'began_at' AS timestamptz) FROM known)) AS at
    FROM quper.sync_logs
   WHERE source = %(source)s AND sync_job_id = %(job)s
     AND window_low IS NOT NULL AND watermark_before IS NULL),
pruned AS (
  SELECT span ->> 'low' AS low, span ->> 'high' AS high,
         CAST(span ->> 'until' AS timestamptz) AS started_at
    FROM known, jsonb_array_elements(details -> 'read') AS span)""")
COVERAGE = SQL("""
{began},
told AS (
  SELECT run_id, status, window_low, window_high FROM quper.sync_logs, began
   WHERE source = %(source)s AND sync_job_id = %(job)s AND started_at >= coalesce(at, '-infinity')),
written (kind, low, high) AS (
  SELECT 'read', window_low, window_high FROM told WHERE status = 'success'
   UNION ALL
  SELECT 'read', b.window_low, b.window_high
    FROM quper.sync_batches AS b JOIN told USING (run_id) WHERE b.completes
   UNION ALL
  SELECT 'read', low, high FROM pruned, began WHERE started_at >= coalesce(at, '-infinity')
   UNION ALL
  SELECT 'gap', span ->> 'low', span ->> 'high'
    FROM known, jsonb_array_elements(details -> 'gaps') AS span
   UNION ALL
  SELECT 'acknowledged', span ->> 'low', span ->> 'high'
    FROM known, jsonb_array_elements(details -> 'acknowledged') AS span),
spans AS (SELECT kind, CAST(low AS {point}) AS low, CAST(high AS {point}) AS high FROM written),
sums AS (
  SELECT greatest(min(low) FILTER (WHERE kind = 'read'), CAST(%(kept)s AS {point})) AS low,
         {union_of_read} AS read, {union_of_gap} AS gap, {union_of_acknowledged} AS acknowledged
    FROM spans WHERE low < high HAVING bool_or(kind = 'read'))
SELECT sums.low, lower(hole), upper(hole)
  FROM sums CROSS JOIN known LEFT JOIN LATERAL unnest(
         {multirange}({range}(sums.low, greatest(sums.low, CAST(watermark AS {point}))))
         - (read - gap + acknowledged)) AS hole ON true
 ORDER BY 2
""")
# Of the runs that go, and of those that went before.
KEEP = SQL("""
{began},
told AS (
  SELECT run_id, status, window_low, window_high, started_at
    FROM quper.sync_logs WHERE run_id = ANY (%(runs)s)),
written (low, high, started_at) AS (
  SELECT window_low, window_high, started_at FROM told WHERE status = 'success'
   UNION ALL
  SELECT b.window_low, b.window_high, started_at
    FROM quper.sync_batches AS b JOIN told USING (run_id) WHERE b.completes
   UNION ALL
  SELECT low, high, started_at FROM pruned),
spans AS (
  SELECT CAST(low AS {point}) AS low, CAST(high AS {point}) AS high, started_at
    FROM written, began WHERE started_at >= coalesce(at, '-infinity')),
sums AS (
  SELECT range_agg({range}(low, high)) AS read, max(started_at) AS until
    FROM spans WHERE low < high)
UPDATE quper.qupersync_state
   SET details = details || jsonb_build_object('read', (
         SELECT coalesce(jsonb_agg(jsonb_build_object('low', CAST(lower(span) AS text),
                                                      'high', CAST(upper(span) AS text),
                                                      'until', until)), '[]')
           FROM sums, unnest(read) AS span))
 WHERE source = %(source)s AND job = %(job)s
""")
UNION = SQL("coalesce(range_agg({range}(low, high)) FILTER (WHERE kind = {kind}), {multirange}())")
_RANGES = {
    WatermarkType.TIMESTAMP: (SQL("timestamptz"), SQL("tstzrange"), SQL("tstzmultirange")),
    WatermarkType.TIMESTAMPTZ: (SQL("timestamptz"), SQL("tstzrange"), SQL("tstzmultirange")),
    WatermarkType.DATE: (SQL("date"), SQL("daterange"), SQL("datemultirange")),
}
# The types whose watermark a window of time may have.
KINDS = _RANGES.keys()


def coverage(
    cursor: Cursor[TupleRow], names: dict[str, Any], kind: WatermarkType, kept: Point | None
) -> Coverage:
    """Return what was read of the job that ``names`` gives, from ``kept`` on."""
    point, of_one, of_many = _RANGES[kind]
    unions = {
        f"union_of_{span}": UNION.format(range=of_one, multirange=of_many, kind=span)
        for span in ("read", "gap", "acknowledged")
    }
    query = COVERAGE.format(began=_BEGAN, point=point, range=of_one, multirange=of_many, **unions)
    since = kept if kept is None else canonical(kept)
    rows = cursor.execute(query, names | {"kept": since}).fetchall()
    holes = tuple(Window(low, high) for _, low, high in rows if low is not None)
    return Coverage(low=rows[0][0] if rows else None, holes=holes)


def keep(
    cursor: Cursor[TupleRow], names: dict[str, Any], kind: WatermarkType, runs: Sequence[UUID]
) -> None:
    """Remember what these runs have read in the job's state, so that they may be removed."""
    point, of_one, _ = _RANGES[kind]
    cursor.execute(
        KEEP.format(began=_BEGAN, point=point, range=of_one), names | {"runs": list(runs)}
    )
