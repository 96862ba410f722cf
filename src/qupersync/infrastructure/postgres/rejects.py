"""Rows set aside in ``quper.sync_rejects``, in the transaction of the rows that were loaded."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from qupersync.domain.batch import Reject
from qupersync.domain.ports import Lease

OPEN_KEYS = """
SELECT DISTINCT key FROM quper.sync_rejects
 WHERE source = %(source)s AND sync_job_id = %(job)s AND resolved_at IS NULL
"""
SUPERSEDE = """
UPDATE quper.sync_rejects SET resolved_at = clock_timestamp(), resolution = 'superseded'
 WHERE source = %(source)s AND sync_job_id = %(job)s AND resolved_at IS NULL
   AND key = ANY (%(keys)s)
"""
SET_ASIDE = """
INSERT INTO quper.sync_rejects AS known (run_id, source, sync_job_id, row, payload, payload_format,
                                         payload_sha256, key, column_name, reason, sqlstate)
VALUES (%(run)s, %(source)s, %(job)s, %(row)s, %(payload)s, %(format)s, %(sha256)s, %(key)s,
        %(column)s, %(reason)s, %(sqlstate)s)
ON CONFLICT (source, sync_job_id, payload_sha256) DO UPDATE
   SET times_seen = known.times_seen + 1, run_id = excluded.run_id, reason = excluded.reason,
       row = excluded.row, payload_format = excluded.payload_format, key = excluded.key,
       column_name = excluded.column_name, sqlstate = excluded.sqlstate,
       resolved_at = NULL, resolution = NULL
"""


def open_keys(cursor: Cursor[TupleRow], lease: Lease) -> set[str]:
    """Return the keys of the job's rejects that nobody resolved."""
    return {row[0] for row in cursor.execute(OPEN_KEYS, _names(lease))}


def supersede(cursor: Cursor[TupleRow], lease: Lease, keys: Collection[str]) -> None:
    """Mark the job's open rejects with one of these keys resolved."""
    cursor.execute(SUPERSEDE, _names(lease) | {"keys": list(keys)})


def set_aside(cursor: Cursor[TupleRow], lease: Lease, rejects: Sequence[Reject]) -> int:
    """Store rejects; one that is known already is counted there. Return how many rows these are."""
    if not rejects:
        return 0
    cursor.executemany(SET_ASIDE, [_names(lease) | _columns(lease, r) for r in rejects])
    return cursor.rowcount


def _names(lease: Lease) -> dict[str, Any]:
    return {"source": lease.source, "job": lease.job}


def _columns(lease: Lease, reject: Reject) -> dict[str, Any]:
    return {
        "run": lease.owner,  # a lease is owned by its run
        "row": Jsonb(reject.values),
        "payload": reject.payload,
        "format": reject.payload_format,
        "sha256": reject.digest,
        "key": reject.key,
        "column": reject.refusal.column,
        "reason": reject.refusal.reason,
        "sqlstate": reject.refusal.sqlstate,
    }
