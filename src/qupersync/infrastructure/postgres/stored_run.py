"""A run as ``quper.sync_logs`` has it, which is what its caller is told."""

from dataclasses import replace
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow, dict_row

from qupersync.domain.batch import Tally
from qupersync.domain.run import Run, Status
from qupersync.domain.watermark import WatermarkType

COUNTS = ("extracted", "inserted", "updated", "unchanged", "deduplicated", "skipped", "deleted")
STORED = """
SELECT r.status, r.started_at, r.completed_at, r.attempts, r.batches, r.warnings,
       coalesce(r.error, '') AS error, coalesce(r.error_code, '') AS error_code,
       coalesce(r.retryable, false) AS retryable, r.watermark_after, s.watermark_type,
       r.rows_extracted, r.rows_inserted, r.rows_updated, r.rows_unchanged, r.rows_deduplicated,
       r.rows_skipped, r.rows_deleted
  FROM quper.sync_logs AS r
  LEFT JOIN quper.qupersync_state AS s ON s.source = r.source AND s.job = r.sync_job_id
 WHERE r.run_id = %s
"""


def as_stored(cursor: Cursor[TupleRow], run: Run) -> Run:
    """Return the run with what the log says of it; its hint only if that is of the same error."""
    with cursor.connection.cursor(row_factory=dict_row) as log:
        row: dict[str, Any] | None = log.execute(STORED, [run.run_id]).fetchone()
    if row is None:
        return run
    mark, kind = row.pop("watermark_after"), row.pop("watermark_type")
    tally = Tally(**{name: row.pop(f"rows_{name}") for name in COUNTS})
    is_same = row["error_code"] == run.error_code
    row |= {"status": Status(row["status"]), "warnings": tuple(row["warnings"]), "tally": tally}
    if mark is not None and kind is not None:
        row["watermark_after"] = WatermarkType(kind).parse(mark)
    return replace(run, **row, hint=run.hint if is_same else "")
