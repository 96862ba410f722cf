"""The rejects that a replay loads: read page by page, and resolved in its transactions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from psycopg.rows import TupleRow

from qupersync.domain.batch import Batch, Decoded
from qupersync.domain.ports.kept import KeptRows
from qupersync.domain.run import Run
from qupersync.infrastructure.postgres.session import Session

# Of earlier versions, for rows that a snapshot had read long before its merge refused them: what
# was staged, as texts.
STAGED_FORMAT = "target-text-v1"
PAGE_BYTES = 8 * 1024 * 1024
# As it was last seen: of two bad versions of a row the later one is to win. What is refused again
# belongs to the run that did so from then on.
PAGE = """
WITH page AS (
  SELECT r.reject_id, coalesce(l.started_at, 'epoch') AS seen_at
    FROM quper.sync_rejects AS r LEFT JOIN quper.sync_logs AS l USING (run_id)
   WHERE r.source = %(source)s AND r.sync_job_id = %(job)s AND r.run_id <> %(run)s
     AND r.payload_format LIKE ANY (%(formats)s)
     AND CASE WHEN %(ids)s::bigint[] IS NULL THEN r.resolved_at IS NULL
              ELSE r.reject_id = ANY (%(ids)s)
                   AND coalesce(r.resolution, 'discarded') = 'discarded' END
     AND (coalesce(l.started_at, 'epoch'), r.reject_id) > (%(seen_at)s, %(after)s)
   ORDER BY seen_at, r.reject_id LIMIT %(at_most)s),
sized AS (
  SELECT seen_at, reject_id, payload, payload_format, row, resolved_at IS NOT NULL AS is_discarded,
         sum(octet_length(payload)) OVER (ORDER BY seen_at, reject_id) - octet_length(payload)
           AS bytes_before
    FROM page JOIN quper.sync_rejects USING (reject_id))
SELECT seen_at, reject_id, payload, payload_format, row, is_discarded FROM sized
 WHERE bytes_before < %(bytes)s ORDER BY seen_at, reject_id
"""
REPLAYED = """
UPDATE quper.sync_rejects SET resolved_at = clock_timestamp(), resolution = 'replayed'
 WHERE reject_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRejects:
    """Keeps the promises of ``ports.KeptRejects``.

    ``ids`` are those that somebody chose, None for all open ones; of ``formats``, which are
    patterns. ``decoded`` makes a batch of payloads in the source's format.
    """

    session: Session
    source: str
    job: str
    ids: Sequence[int] | None
    formats: Sequence[str]
    decoded: Callable[[str, Sequence[bytes]], Batch]

    def parts(self, run: Run, *, at_most: int) -> Iterator[KeptRows]:
        """Keep the promise of ``ports.KeptRejects.parts``."""
        seen_at, after = datetime.fromtimestamp(0, UTC), 0
        fixed = {
            "source": self.source,
            "job": self.job,
            "run": run.run_id,
            "ids": None if self.ids is None else list(self.ids),
            "formats": list(self.formats),
            "at_most": at_most,
            "bytes": PAGE_BYTES,
        }
        while page := self.session.rows(PAGE, fixed | {"seen_at": seen_at, "after": after}):
            for _, alike in groupby(page, _shape):
                yield self._part(list(alike))
            seen_at, after, *_ = page[-1]

    def mark_replayed(self, ids: Sequence[int]) -> None:
        """Keep the promise of ``ports.KeptRejects.mark_replayed``."""
        self.session.connection.execute(REPLAYED, [list(ids)])

    def _part(self, rows: Sequence[TupleRow]) -> KeptRows:
        payloads = [row[2] for row in rows]
        payload_format, values, is_discarded = rows[0][3:]
        is_of_target = payload_format == STAGED_FORMAT
        if is_of_target:
            texts = {row[2]: tuple(row[4].values()) for row in rows}
            batch = Batch(
                names=tuple(values),
                payloads=payloads,
                payload_format=payload_format,
                decode=lambda some: Decoded(rows=[texts[payload] for payload in some]),
            )
        else:
            batch = self.decoded(payload_format, payloads)
        return KeptRows(
            ids=tuple(row[1] for row in rows),
            batch=batch,
            is_of_target=is_of_target,
            is_discarded=is_discarded,
        )


def _shape(row: TupleRow) -> tuple[Any, ...]:
    """Return what rows of one batch have in common."""
    *_, payload_format, values, is_discarded = row
    names = tuple(values) if payload_format == STAGED_FORMAT else ()
    return is_discarded, payload_format, names
