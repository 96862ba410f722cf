"""Makes a job's missing target table."""

from collections.abc import Mapping, Sequence
from typing import LiteralString, cast

from psycopg.sql import SQL, Composed, Identifier

from qupersync.domain.columns import ColumnType
from qupersync.domain.table_name import TableName
from qupersync.infrastructure.postgres.session import Session

SCHEMA = SQL("CREATE SCHEMA IF NOT EXISTS {}")
TABLE = SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))")


def new_table(
    session: Session, target: TableName, columns: Mapping[str, ColumnType], key: Sequence[str]
) -> str:
    """Create the table, its primary key being ``key``, and return the statement.

    Raises:
        StatementError: it exists already, or PostgreSQL refuses it.
        PermissionDeniedError: the user may not create it.
    """
    statement = _statement(target, columns, key)
    with session.transaction() as cursor:
        cursor.execute(SCHEMA.format(Identifier(target.schema)))
        cursor.execute(statement)
        return statement.as_string(cursor)


def _statement(
    target: TableName, columns: Mapping[str, ColumnType], key: Sequence[str]
) -> Composed:
    lines = SQL(", ").join(
        SQL("{} {}").format(Identifier(name), _type(kind)) for name, kind in columns.items()
    )
    return TABLE.format(
        Identifier(target.schema, target.table), lines, SQL(", ").join(map(Identifier, key))
    )


def _type(kind: ColumnType) -> SQL:
    # Text of ours: a ColumnType is one of a closed list, with numbers.
    return SQL(cast("LiteralString", str(kind)))  # type: ignore[redundant-cast,unused-ignore]
