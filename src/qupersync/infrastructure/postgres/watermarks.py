"""What people may see and acknowledge of the jobs' watermarks and gaps."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from qupersync.infrastructure.postgres.session import Session

REMEMBERED = """
SELECT watermark, watermark_type, details ->> 'watermark_column' AS watermark_column,
       coalesce(details -> 'gaps', '[]') AS gaps,
       coalesce(details -> 'acknowledged', '[]') AS acknowledged, details -> 'changed' AS changed
  FROM (SELECT) AS always
  LEFT JOIN quper.qupersync_state ON source = %(source)s AND job = %(job)s
"""
# One statement, for a run may note a gap now; and only of gaps that somebody has seen.
ACKNOWLEDGE = """
UPDATE quper.qupersync_state
   SET details = details || (
         SELECT jsonb_build_object(
                  'gaps', coalesce(jsonb_agg(gap) FILTER (WHERE NOT is_seen), '[]'),
                  'acknowledged', coalesce(details -> 'acknowledged', '[]') || coalesce(
                    jsonb_agg(gap || jsonb_build_object('at', clock_timestamp(),
                                                        'by', %(by)s::text))
                      FILTER (WHERE is_seen), '[]'))
           FROM jsonb_array_elements(details -> 'gaps') AS gap,
                LATERAL (SELECT %(seen)s @> jsonb_build_array(gap) AS is_seen) AS s)
 WHERE source = %(source)s AND job = %(job)s
"""


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Reads and acknowledges what ``quper.qupersync_state`` holds of one source."""

    session: Session
    source: str

    def of(self, job: str) -> dict[str, Any]:
        """Return what is remembered of a job: nothing yet is None and empty lists.

        A gap has ``low``, ``high`` and the ``run_id`` that found it, once acknowledged also
        ``at`` and ``by``; ``changed`` has ``what``, ``from``, ``to``, ``at`` and ``by``.
        """
        with (
            self.session.transaction(),
            self.session.connection.cursor(row_factory=dict_row) as cursor,
        ):
            [row] = cursor.execute(REMEMBERED, {"source": self.source, "job": job}).fetchall()
        return row

    def acknowledge(self, job: str, seen: list[dict[str, Any]], by: str) -> None:
        """Move the gaps that somebody has seen from the open ones to the acknowledged ones."""
        names = {"source": self.source, "job": job, "seen": Jsonb(seen), "by": by}
        self.session.execute(ACKNOWLEDGE, names)
