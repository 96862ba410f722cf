"""What Redshift refuses though PostgreSQL would do it, judged by the text of a statement."""

import re

from qupersync.demo.frames import ServerError

SINGLE_NODE_FETCH_LIMIT = 1000

_OPAQUE = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$ | "(?:[^"]|"")*"
    | \be'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*'""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ON_CONFLICT = re.compile(r"\b(on)\s+conflict\b", re.IGNORECASE)
_DECLARE = re.compile(r"\s*declare\b", re.IGNORECASE)
_FETCH = re.compile(r"\s*fetch\s+(?:forward\s+)?(all|\d+)\b", re.IGNORECASE)


def refusal(sql: str, *, cursor_open: bool, single_node: bool) -> ServerError | None:
    """Return the error with which Redshift would answer, or nothing when it would do as told."""
    bare = _OPAQUE.sub(" ", sql)
    if upsert := _ON_CONFLICT.search(bare):
        return ServerError(sqlstate="42601", message=f'syntax error at or near "{upsert[1]}"')
    if cursor_open and _DECLARE.match(bare):
        # Verbatim: sqlalchemy-redshift issue #317.
        message = "opening multiple cursors from within the same client connection is not allowed."
        return ServerError(sqlstate="24000", message=message)
    fetch = _FETCH.match(bare)
    return _too_much(fetch[1]) if fetch and single_node else None


def _too_much(count: str) -> ServerError | None:
    if not count.isdigit():
        message = "FETCH ALL is not supported on a single node configuration."
        return ServerError(sqlstate="0A000", message=message)
    if int(count) <= SINGLE_NODE_FETCH_LIMIT:
        return None
    # Verbatim: PostHog issue #78729. Drivers show no SQLSTATE that would tell it apart.
    message = (
        f"Fetch size {count} exceeds the limit of {SINGLE_NODE_FETCH_LIMIT} for a single node"
        " configuration. Reduce the client fetch/cache size or upgrade to a multi node"
        " installation."
    )
    return ServerError(sqlstate="XX000", message=message)
