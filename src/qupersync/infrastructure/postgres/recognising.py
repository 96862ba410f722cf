"""Rows that the target has as they are, found out without a look at their rules."""

from dataclasses import replace

from qupersync.infrastructure.postgres.raw_stage import Part
from qupersync.infrastructure.postgres.staging import Staging


def recognised(staging: Staging, part: Part) -> Part | None:
    """Return the latest batch with its answers if all its rows are there, None if one is not.

    What the target has has passed the rules, or would: so does a row that is the same. The span of
    ``NARROW`` must be that of the batch, and nothing of the target may be there twice.

    Raises:
        psycopg.Error: also for a row that cannot be read; its rules will tell why.
    """
    is_alone = staging.whole is part
    if not is_alone:
        staging.set_part(part)
    matched = staging.raw_sql.matched(in_part=not is_alone)
    query = staging.load_sql.alike(matched, staging.look)
    count, *answers = staging.cursor.execute(query).fetchone() or (0,)
    return replace(part, answers=answers, is_same=True) if count == part.rows else None
