"""The stand-in warehouse: gives a PostgreSQL database the system views of a Redshift one."""

from datetime import datetime
from importlib.resources import files
from typing import Final, Literal

from psycopg import Connection, sql

Flavor = Literal["provisioned", "serverless"]

_EVENTS: Final = ("user_tables", "queries", "steps", "vacuums", "sessions")
_VIEWS: Final[dict[Flavor, tuple[str, ...]]] = {
    "serverless": ("catalog_views", "sys_views"),
    "provisioned": ("catalog_views", "sys_views", "stl_views"),
}
_SET_KNOBS: Final = (
    "INSERT INTO standin.knobs (seed, rows, now)"
    " VALUES (%s, %s, %s::timestamptz AT TIME ZONE 'UTC')"
)
# Naming pg_catalog after rs is what lets rs.pg_attribute stand before the real one.
_LOOK_LIKE_REDSHIFT: Final = (
    "ALTER DATABASE {} SET search_path = rs, pg_catalog, public",
    "ALTER DATABASE {} SET timezone = 'UTC'",
)


def build_warehouse(
    connection: Connection,
    *,
    flavor: Flavor,
    rows: int = 20_000,
    seed: int = 1,
    now: datetime,
) -> None:
    """Fill an empty database with a shop's tables and a week of logs before ``now``.

    ``rows`` is the number of queries in the history; the other logs grow with it. Equal ``seed``,
    ``rows`` and ``now`` give equal logs, whatever the flavor (but for the ids of the tables).
    ``getdate()`` starts at ``now`` and runs; the logs end five minutes before. All or nothing;
    sessions opened afterwards see the system views first.

    Raises:
        psycopg.errors.DuplicateSchema: the database already holds a warehouse.
    """
    with connection.transaction():
        _run(connection, "foundation")
        connection.execute(_SET_KNOBS, (seed, rows, now))
        for script in (*_EVENTS, *_VIEWS[flavor]):
            _run(connection, script)
        for setting in _LOOK_LIKE_REDSHIFT:
            database = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL(setting).format(database))
        connection.execute("ANALYZE")


def _run(connection: Connection, script: str) -> None:
    connection.execute(files(__package__).joinpath("sql", f"{script}.sql").read_bytes())
