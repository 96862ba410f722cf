"""Which jobs of a pass changed their state, by the run log alone: no file remembers it."""

from uuid import UUID

from qupersync.domain.change import Change
from qupersync.infrastructure.postgres.session import Session

# Skipped and canceled runs say nothing of the job; one that never ran is expected to work.
CHANGES = """
SELECT run.sync_job_id, run.status <> 'success', coalesce(run.error, ''),
       coalesce(run.error_code, '')
  FROM quper.sync_logs AS run
  LEFT JOIN LATERAL (
       SELECT status FROM quper.sync_logs
        WHERE source = run.source AND sync_job_id = run.sync_job_id
          AND started_at < run.started_at AND status IN ('success', 'failed', 'dead')
        ORDER BY started_at DESC LIMIT 1) AS before ON true
 WHERE run.correlation_id = %(pass_id)s AND run.status IN ('success', 'failed', 'dead')
   AND (run.status = 'success') <> (coalesce(before.status, 'success') = 'success')
 ORDER BY run.completed_at
"""


def changes(session: Session, pass_id: UUID) -> list[Change]:
    """Return the changes that the runs of a pass made, in the order in which they ended."""
    return [
        Change(job=job, is_failure=is_failure, error=error, error_code=code)
        for job, is_failure, error, code in session.rows(CHANGES, {"pass_id": pass_id})
    ]
