"""Leases with fencing tokens: at most one run of a job writes, whatever else happens."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import TupleRow

from qupersync.domain.errors import CanceledError, ConfigError, LeaseLostError
from qupersync.domain.job import Job
from qupersync.domain.ports import Lease
from qupersync.infrastructure.postgres.run_log import close_vanished
from qupersync.infrastructure.postgres.session import Session

IS_KNOWN = """
SELECT s.target_table, l.job IS NOT NULL
  FROM quper.qupersync_state s
  LEFT JOIN quper.qupersync_leases l USING (source, job)
 WHERE s.source = %(source)s AND s.job = %(job)s
"""
# On whatever conflict: of many first runs at once, any of the unique indexes may speak first.
# A state that somebody deleted goes on from its ledger: its numbers are taken.
ADD_STATE = """
INSERT INTO quper.qupersync_state (source, job, target_table, batch_seq, details)
SELECT %(source)s, %(job)s, %(target)s, coalesce(max(batch_seq), 0),
       jsonb_build_object('first_seq', coalesce(max(batch_seq), 0))
  FROM quper.sync_batches WHERE source = %(source)s AND sync_job_id = %(job)s
ON CONFLICT DO NOTHING
"""
ADD_LEASE = """
INSERT INTO quper.qupersync_leases (source, job) VALUES (%(source)s, %(job)s)
ON CONFLICT (source, job) DO NOTHING
"""
# FOR UPDATE and no weaker: it must wait for the FOR KEY SHARE of a batch under way. An owner that
# has the job already has asked before, and the answer was lost.
CLAIM = """
WITH free AS (
  SELECT source, job FROM quper.qupersync_leases
   WHERE source = %(source)s AND job = %(job)s
     AND (lease_owner IS NULL OR lease_owner = %(owner)s
          OR lease_expires_at <= clock_timestamp())
     FOR UPDATE SKIP LOCKED)
UPDATE quper.qupersync_leases AS l
   SET fence = nextval('quper.qupersync_fence_seq'), lease_owner = %(owner)s,
       lease_owner_info = %(info)s, lease_acquired_at = clock_timestamp(),
       lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s),
       cancel_requested = false
  FROM free WHERE l.source = free.source AND l.job = free.job
RETURNING l.fence
"""
FENCE = """
SELECT cancel_requested,
       pg_catalog.set_config('idle_in_transaction_session_timeout',
                             coalesce(%(idle)s, pg_catalog.current_setting(
                               'idle_in_transaction_session_timeout')), true)
  FROM quper.qupersync_leases
 WHERE source = %(source)s AND job = %(job)s AND fence = %(fence)s AND lease_owner = %(owner)s
   FOR KEY SHARE
"""
RENEW = """
UPDATE quper.qupersync_leases
   SET lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
 WHERE source = %(source)s AND job = %(job)s AND fence = %(fence)s AND lease_owner = %(owner)s
RETURNING cancel_requested
"""
CANCEL = """
UPDATE quper.qupersync_leases SET cancel_requested = true
 WHERE source = %(source)s AND job = %(job)s
   AND lease_owner IS NOT NULL AND lease_expires_at > clock_timestamp()
RETURNING lease_owner
"""
HOLDER = """
SELECT lease_owner, lease_owner_info, lease_acquired_at FROM quper.qupersync_leases
 WHERE source = %(source)s AND job = %(job)s
   AND lease_owner IS NOT NULL AND lease_expires_at > clock_timestamp()
"""
RELEASE = """
UPDATE quper.qupersync_leases SET lease_owner = NULL, lease_expires_at = NULL
 WHERE source = %(source)s AND job = %(job)s AND fence = %(fence)s AND lease_owner = %(owner)s
"""


def identity(lease: Lease) -> dict[str, str | int | UUID]:
    """Return the parameters that tell one lease from all others."""
    return {
        "source": lease.source,
        "job": lease.job,
        "fence": lease.fence,
        "owner": lease.owner,
    }


def fence(cursor: Cursor[TupleRow], lease: Lease, idle_limit: str | None = None) -> None:
    """Make sure the lease is held, and that nobody can claim it before this transaction ends.

    From now on the server gives the client ``idle_limit``, such as ``30s``, between statements.

    Raises:
        LeaseLostError: another run took over.
        CanceledError: somebody asked the run to stop.
    """
    row = cursor.execute(FENCE, identity(lease) | {"idle": idle_limit}).fetchone()
    if row is None:
        raise LeaseLostError
    if row[0]:
        raise CanceledError


def renewed(session: Session, lease: Lease, ttl_s: float) -> bool | None:
    """Renew the lease; return whether somebody asked its holder to stop, None if it is lost."""
    # An answer that takes longer than the lease is of no use.
    with session.transaction(statement_timeout=f"{max(1, round(ttl_s * 1000))}ms") as cursor:
        row = cursor.execute(RENEW, identity(lease) | {"ttl_s": ttl_s}).fetchone()
    return row[0] if row else None


OWNERS = """
SELECT target_table, source, job FROM quper.qupersync_state WHERE target_table = ANY (%(targets)s)
"""


def require_own_targets(session: Session, source: str, jobs: Iterable[Job]) -> None:
    """Make sure that no table is loaded by two jobs, of whatever source or file.

    Raises:
        ConfigError: another job owns a target.
    """
    mine = {str(job.target): job.name for job in jobs}
    for table, *owner in session.rows(OWNERS, {"targets": list(mine)}):
        if owner != [source, mine[table]]:
            raise ConfigError(
                f"{table} belongs to job {owner[1]} of source {owner[0]}, "
                f"so job {mine[table]} of source {source} must load another table",
                hint=f"name another target in job {mine[table]}",
            )


@dataclass(frozen=True, slots=True)
class Leases:
    """Keeps the promises of ``ports.Leases`` in ``quper.qupersync_leases``."""

    session: Session
    source: str
    owner_info: str
    ttl_s: float

    def claim(self, job: Job, owner: UUID) -> Lease | None:
        """Keep the promise of ``ports.Leases.claim``."""
        names = {"source": self.source, "job": job.name, "target": str(job.target)}
        self._introduce(names)
        claim = names | {"owner": owner, "info": self.owner_info, "ttl_s": self.ttl_s}
        with self.session.transaction() as cursor:
            row = cursor.execute(CLAIM, claim).fetchone()
            if row is None:
                return None
            close_vanished(cursor, names)
        return Lease(source=self.source, job=job.name, fence=row[0], owner=owner)

    def renew(self, lease: Lease) -> None:
        """Keep the promise of ``ports.Leases.renew``."""
        if renewed(self.session, lease, self.ttl_s) is None:
            raise LeaseLostError

    def release(self, lease: Lease) -> None:
        """Keep the promise of ``ports.Leases.release``."""
        self.session.execute(RELEASE, identity(lease))

    def holder(self, job: Job) -> str:
        """Keep the promise of ``ports.Leases.holder``."""
        names = {"source": self.source, "job": job.name}
        held = self.session.rows(HOLDER, names)
        return "".join(
            f"run {run}, {owner}, since {since:%Y-%m-%d %H:%M:%S} UTC" for run, owner, since in held
        )

    def cancel(self, job: Job) -> UUID | None:
        """Ask whoever holds the job to stop; return the run's id, None if nobody holds it."""
        names = {"source": self.source, "job": job.name}
        held = self.session.rows(CANCEL, names)
        return held[0][0] if held else None

    def _introduce(self, names: dict[str, str]) -> None:
        # Asked first: INSERT ... ON CONFLICT would wait for a batch that updates the row.
        known = self.session.rows(IS_KNOWN, names)
        if known and known[0][1]:
            return
        with self.session.transaction() as cursor:
            cursor.execute(ADD_STATE, names)
            if cursor.execute(IS_KNOWN, names).fetchone() is None:
                raise ConfigError(f"{names['target']} belongs to another job")
            cursor.execute(ADD_LEASE, names)
