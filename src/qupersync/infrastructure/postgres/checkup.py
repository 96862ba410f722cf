"""What a check-up asks the target: who we are there, what we may, what is left lying about."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from psycopg.sql import SQL, Identifier

from qupersync.domain.duration import format_duration
from qupersync.domain.errors import (
    ConfigError,
    PermissionDeniedError,
    QuperSyncError,
    RevisionError,
    TargetMismatchError,
)
from qupersync.domain.finding import Finding
from qupersync.domain.job import Job
from qupersync.domain.lateness import recommended_overlap
from qupersync.infrastructure.postgres.catalog import TargetTable
from qupersync.infrastructure.postgres.leases import require_own_targets
from qupersync.infrastructure.postgres.revision import Revision
from qupersync.infrastructure.postgres.session import Session

REVISION = "revision"
OWN_TABLES, LEASES = "own tables", "leases"
CLOCK = "SELECT clock_timestamp()"
# What running jobs asks of QuperSync's own tables; prune and db upgrade are the owner's.
NEEDED = {
    "qupersync_leases": ("SELECT", "INSERT", "UPDATE"),
    "qupersync_state": ("SELECT", "INSERT", "UPDATE"),
    "sync_logs": ("SELECT", "INSERT", "UPDATE"),
    "sync_batches": ("SELECT", "INSERT"),
    "sync_attempts": ("SELECT", "INSERT"),
    "sync_rejects": ("SELECT", "INSERT", "UPDATE"),
    "sync_status_v1": ("SELECT",),
    "sync_runs_v1": ("SELECT",),
}
MISSING = """
SELECT 'GRANT ' || string_agg(r, ', ') || ' ON quper.' || t
  FROM unnest(%(tables)s::text[], %(rights)s::text[]) AS needed (t, r)
 WHERE NOT has_table_privilege('quper.' || t, r) GROUP BY t
UNION ALL
SELECT 'GRANT USAGE ON SEQUENCE quper.qupersync_fence_seq'
 WHERE NOT has_sequence_privilege('quper.qupersync_fence_seq', 'USAGE')
UNION ALL
SELECT format('GRANT TEMPORARY ON DATABASE %%I', current_database())
 WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
"""
# A right on a table is worth nothing without this one, and the catalog shows the table without it.
MAY_ENTER = "SELECT has_schema_privilege(%(schema)s, 'USAGE')"
ENTER = SQL("GRANT USAGE ON SCHEMA {} TO {};")
READ_REVISION = SQL(
    "GRANT USAGE ON SCHEMA quper TO {0}; GRANT SELECT ON quper.qupersync_version TO {0};"
)
UNIQUE = SQL("CREATE UNIQUE INDEX ON {} ({});")
EXPIRED = """
SELECT job, coalesce(lease_owner_info, lease_owner::text), lease_acquired_at,
       clock_timestamp() - lease_expires_at
  FROM quper.qupersync_leases
 WHERE source = %(source)s AND lease_owner IS NOT NULL AND lease_expires_at <= clock_timestamp()
 ORDER BY job
"""
LATEST_ROWS = """
SELECT sync_job_id, max(late_max_ms) FROM quper.sync_logs
 WHERE source = %(source)s AND started_at > clock_timestamp() - interval '30 days'
   AND status <> 'skipped'
 GROUP BY sync_job_id
"""


def clock(session: Session) -> datetime:
    """Return the server's own time."""
    moment: datetime = session.rows(CLOCK)[0][0]
    return moment


def login(session: Session) -> Finding:
    """Tell who came in where."""
    info = session.connection.info
    version = info.parameter_status("server_version")
    text = f"{info.user} at {info.host}:{info.port}/{info.dbname}, PostgreSQL {version}"
    return Finding.ok("PostgreSQL login", text)


def revision(session: Session) -> Finding:
    """Tell whether QuperSync's own tables are there and as this version needs them."""
    try:
        found = Revision.of(session)
        found.require()
    except RevisionError as error:
        return Finding.of_error(REVISION, error)
    except PermissionDeniedError as error:
        remedy = READ_REVISION.format(Identifier(session.connection.info.user)).as_string()
        return Finding.fail(REVISION, str(error), remedy)
    return Finding.ok(REVISION, f"quper is at revision {found.current}")


def own_tables(session: Session) -> Finding:
    """Tell whether the user may do with QuperSync's own tables what a run does; they are there."""
    needed = [(table, right) for table, rights in NEEDED.items() for right in rights]
    tables, rights = zip(*needed, strict=True)
    missing = session.rows(MISSING, {"tables": [*tables], "rights": [*rights]})
    if not missing:
        return Finding.ok(OWN_TABLES, "all rights that a run needs")
    user = Identifier(session.connection.info.user).as_string()
    remedy = " ".join(f"{grant} TO {user};" for (grant,) in missing)
    return Finding.fail(OWN_TABLES, f"{user} lacks rights that a run needs", remedy)


def target(session: Session, source: str, job: Job) -> Finding:
    """Tell whether a job can load its table: rights, unique index, columns, and whose it is."""
    subject = f"target of {job.name}"
    try:
        require_own_targets(session, source, [job])
        TargetTable.of(job, session)
    except (ConfigError, TargetMismatchError, PermissionDeniedError) as error:
        return Finding.fail(subject, str(error), _remedy(error, job))
    if not session.rows(MAY_ENTER, {"schema": job.target.schema})[0][0]:
        user = Identifier(session.connection.info.user)
        remedy = ENTER.format(Identifier(job.target.schema), user).as_string()
        return Finding.fail(subject, f"no right to enter the schema of {job.target}", remedy)
    return Finding.ok(subject, f"{job.target} fits")


def _remedy(error: QuperSyncError, job: Job) -> str:
    if isinstance(error, ConfigError):
        return f"give {job.name} another target in the jobs file"
    if "no unique index" in str(error):
        key = SQL(", ").join(map(Identifier, job.key))
        return UNIQUE.format(Identifier(job.target.schema, job.target.table), key).as_string()
    return error.hint.replace("JOB", job.name)


def stale_leases(session: Session, source: str) -> Iterator[Finding]:
    """Tell which runs vanished without letting their job go."""
    expired = session.rows(EXPIRED, {"source": source})
    for job, owner, since, ago in expired:
        text = (
            f"{job} is held since {since:%Y-%m-%d %H:%M} UTC by {owner}, "
            f"silent for {format_duration(ago)}"
        )
        yield Finding.warn(f"lease of {job}", text, f"qupersync run {job}")
    if not expired:
        yield Finding.ok(LEASES, "none is held by a run that vanished")


def overlaps(session: Session, source: str, jobs: Sequence[Job]) -> Iterator[Finding]:
    """Tell whether each overlap is long enough for the rows that came late in the last 30 days."""
    late: dict[str, int | None] = dict(session.rows(LATEST_ROWS, {"source": source}))
    for job in jobs:
        if job.watermark is None or not isinstance(job.watermark.overlap, timedelta):
            continue
        yield _overlap(f"overlap of {job.name}", job.watermark.overlap, late.get(job.name, -1))


def _overlap(subject: str, overlap: timedelta, late_ms: int | None) -> Finding:
    """Judge one overlap; ``late_ms`` is None if no row was late, -1 if there was no run."""
    now = format_duration(overlap)
    if late_ms is None or late_ms < 0:
        seen = "no late row" if late_ms is None else "no run"
        return Finding.ok(subject, f"{now}; {seen} in the last 30 days")
    longest = timedelta(milliseconds=late_ms)
    text = f"{now}; rows came up to {format_duration(longest)} late in the last 30 days"
    if overlap >= (wanted := recommended_overlap(longest)):
        return Finding.ok(subject, text)
    return Finding.warn(subject, text, f"set overlap: {format_duration(wanted)}")
