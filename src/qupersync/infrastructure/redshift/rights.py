"""Which rights decide how much of Redshift a login sees, in one small query and in words."""

from collections.abc import Callable

from qupersync.domain.batch import Row
from qupersync.domain.errors import PermissionDeniedError, QueryError

# From the catalog alone: the leader has these functions, and the compute nodes do not. Closed
# schemas and not open ones, so that dropping a schema is no change of a right.
RIGHTS = """
SELECT current_user, (SELECT usesuper FROM pg_user WHERE usename = current_user),
       (SELECT count(*) FROM pg_namespace
         WHERE nspname !~ '^pg_' AND NOT has_schema_privilege(nspname, 'USAGE'))
"""
UNKNOWN = "unknown"


def rights(ask: Callable[[str], Row]) -> str:
    """Keep the promise of ``ports.Source.rights``; ``ask`` is that of the same source."""
    try:
        user, is_superuser, closed = ask(RIGHTS)
    except (QueryError, PermissionDeniedError):
        return UNKNOWN
    kind = "superuser" if is_superuser else "user"
    return f"{kind} {user}, closed schemas: {closed}"
