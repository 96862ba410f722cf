"""Makes a job's missing target table."""

from collections.abc import Mapping
from typing import LiteralString, cast

from psycopg.errors import DuplicateTable
from psycopg.sql import SQL, Composed, Identifier

from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import StatementError
from qupersync.domain.job import Job
from qupersync.infrastructure.postgres.session import Session

SCHEMA = SQL("CREATE SCHEMA IF NOT EXISTS {}")
TABLE = SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))")


def new_table(session: Session, job: Job, columns: Mapping[str, ColumnType]) -> str:
    """Create the job's target, its primary key being the job's key, and return the statement.

    Raises:
        StatementError: it is there already, or PostgreSQL refuses it.
        PermissionDeniedError: the user may not create it.
    """
    statement = _statement(job, columns)
    with session.transaction() as cursor:
        cursor.execute(SCHEMA.format(Identifier(job.target.schema)))
        try:
            cursor.execute(statement)
        except DuplicateTable as error:
            hint = f"qupersync run {job.name}"
            raise StatementError(f"{job.target} is there already", hint=hint) from error
        return statement.as_string(cursor)


def _statement(job: Job, columns: Mapping[str, ColumnType]) -> Composed:
    lines = SQL(", ").join(
        SQL("{} {}").format(Identifier(name), _type(kind)) for name, kind in columns.items()
    )
    target = Identifier(job.target.schema, job.target.table)
    return TABLE.format(target, lines, SQL(", ").join(map(Identifier, job.key)))


def _type(kind: ColumnType) -> SQL:
    # Text of ours: a ColumnType is one of a closed list, with numbers.
    return SQL(cast("LiteralString", str(kind)))  # type: ignore[redundant-cast,unused-ignore]
