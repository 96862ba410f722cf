"""Rows that the target has as they are, found out without a look at their rules."""

from collections.abc import Callable
from dataclasses import replace
from typing import LiteralString, TypeVar

from psycopg import Cursor, Error
from psycopg.errors import QueryCanceled
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from qupersync.infrastructure.postgres.raw_stage import Part
from qupersync.infrastructure.postgres.staging import Staging

Found = TypeVar("Found")
AND_THEN = SQL("{}; {}")
LOOK = "SAVEPOINT qupersync_look"
TAKE_BACK = "ROLLBACK TO qupersync_look; RELEASE qupersync_look"


def recognised(staging: Staging, part: Part) -> Part | None:
    """Return the latest batch with its answers if all its rows are there, None if one is not.

    What the target has has passed the rules, or would: so does a row that is the same. To be taken
    as ``dispensable``, for it has ``NARROW`` set.

    Raises:
        psycopg.Error: also for a row that cannot be read; its rules will tell why.
    """
    sql, is_alone = staging.load_sql, staging.whole is part
    prepare = sql.narrow(part.span)
    if not is_alone:
        prepare = AND_THEN.format(prepare, staging.raw_sql.set_part(part.after, part.until))
    if staging.cursor.execute(prepare).fetchone() is None:
        staging.raw_load.glances = False
        return None
    told = sql.settled.column if sql.settled else None
    matched = staging.raw_sql.matched(in_part=not is_alone, told=told)
    query = sql.alike(matched, staging.look, staging.key_indexes)
    count, is_sure, *answers = staging.cursor.execute(query).fetchone() or (0, False)
    if is_sure and count == part.rows:
        return replace(part, answers=answers, is_same=True)
    return None


def dispensable(
    cursor: Cursor[TupleRow], look: Callable[[], Found | None], begin: LiteralString = LOOK
) -> Found | None:
    """Take a look that the run can do without; None if anything of it is gone or forbidden.

    What it sets is taken back, and what it locks is let go of. ``begin`` may set more than ``LOOK``
    does.
    """
    cursor.execute(begin)
    try:
        found = look()
    except Error as error:
        if cursor.connection.broken or isinstance(error, QueryCanceled):
            raise
        found = None
    cursor.execute(TAKE_BACK)
    return found
