"""What a check-up asks Redshift: who it is, and which rows of which views this user sees."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Identifier

from qupersync.domain.errors import PermissionDeniedError, QueryError
from qupersync.domain.finding import Finding
from qupersync.infrastructure.redshift.source import Source
from qupersync.infrastructure.sql_tables import SourceTable

VERSION = "SELECT version()"
USER = "SELECT current_user"
# Everybody may read the own row of this view.
RIGHTS = "SELECT superuser, syslog_access FROM svv_user_info WHERE user_name = current_user"
READ = SQL("SELECT 1 FROM {} LIMIT 0")
GRANT = SQL("GRANT SELECT ON {} TO {};")
GRANT_SCHEMA = SQL("GRANT USAGE ON SCHEMA {} TO {}; ")
SEE_ALL = SQL("ALTER USER {} SYSLOG ACCESS UNRESTRICTED;")
# Only in logs is a row somebody's: SYSLOG ACCESS does not touch the SVV views.
_SYSTEM = re.compile(r"(stl|stv|svl|svv|svcs|sys|pg)_[a-z0-9_]+")
_LOG = re.compile(r"(stl|stv|svl|svcs|sys)_")
# For superusers only until SELECT is granted, then whole; and the slices, which are nobody's.
_WHOLE = frozenset({
    "stl_connection_log", "stl_userlog", "stl_vacuum", "stv_blocklist",
    "stv_node_storage_capacity", "stv_partitions", "stv_slices", "sys_connection_log",
    "sys_userlog",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """The user as Redshift knows it; ``sees_all`` is None where Redshift does not tell."""

    name: str
    sees_all: bool | None

    @classmethod
    def of(cls, source: Source) -> "Reader":
        """Ask who reads, and whether SYSLOG ACCESS lets it see the rows of others."""
        name = _text(_rows(source, USER)[0][0])
        try:
            rights = _rows(source, RIGHTS)
        except (QueryError, PermissionDeniedError):
            return cls(name, None)
        if not rights:
            return cls(name, None)
        is_superuser, syslog_access = rights[0]
        return cls(name, bool(is_superuser) or _text(syslog_access) == "UNRESTRICTED")


def version(source: Source) -> Finding:
    """Tell which version answers."""
    told = _text(_rows(source, VERSION)[0][0])
    redshift = re.search(r"Redshift [\d.]+", told)
    return Finding.ok("Redshift version", redshift[0] if redshift else told.partition(",")[0])


def views(source: Source, used: Mapping[SourceTable, Sequence[str]]) -> Iterator[Finding]:
    """Tell of each view whether it can be read, and whether all its rows are seen.

    ``used`` names the jobs that read it.
    """
    reader = Reader.of(source)
    for view, jobs in used.items():
        yield _view(source, view, reader, ", ".join(jobs))


def _view(source: Source, view: SourceTable, reader: Reader, jobs: str) -> Finding:
    subject = f"view {'.'.join(view)}"
    user = Identifier(reader.name)
    try:
        source.execute(READ.format(_written(view)).as_string())
    except PermissionDeniedError:
        grant = GRANT.format(_written(view), user)
        if len(view) > 1:
            grant = GRANT_SCHEMA.format(Identifier(*view[:-1]), user) + grant
        return Finding.fail(subject, f"no right to read it; stops {jobs}", grant.as_string())
    except QueryError as error:
        remedy = f"correct the SQL of {jobs} in the jobs file, then: qupersync validate"
        return Finding.fail(subject, f"{error}; stops {jobs}", remedy)
    if reader.sees_all or view[-1] in _WHOLE or not _LOG.match(view[-1]):
        return Finding.ok(subject, f"shows all rows to {jobs}")
    shown = "may show" if reader.sees_all is None else "shows"
    text = f"{shown} only the rows of {reader.name} to {jobs}"
    return Finding.warn(subject, text, SEE_ALL.format(user).as_string())


def _written(view: SourceTable) -> SQL | Identifier:
    """Write a name; that of a system view stands bare, as people type it."""
    is_plain = len(view) == 1 and _SYSTEM.fullmatch(view[0])
    return SQL(view[0]) if is_plain else Identifier(*view)


def _rows(source: Source, sql: str) -> list[tuple[object, ...]]:
    layout, bodies = source.execute(sql)
    return [tuple(layout.decode(body)) for body in bodies]


def _text(value: object) -> str:
    return str(value).rstrip("\0 ")  # Redshift ends its version with a NUL, and pads CHAR
