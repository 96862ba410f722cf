"""Which of the staged rows a merge fails for, found by halves."""

from collections.abc import Callable

from qupersync.domain.batch import Refusal
from qupersync.domain.errors import RowsRefusedError
from qupersync.infrastructure.postgres.stage_sql import WHOLE
from qupersync.infrastructure.postgres.staging import Staging

Part = dict[str, int]


def culprits(
    staging: Staging, objection: Callable[[Part], RowsRefusedError | None], part: Part = WHOLE
) -> dict[int, Refusal]:
    """Return the rows of a part that are refused alone, by their places; none if all is well.

    ``objection`` tries the merge of a part and leaves nothing of it.
    """
    sql = staging.load_sql.stage
    count = staging.value(sql.in_range(), part)
    error = objection(part) if count else None
    if error is None:
        return {}
    middle = staging.value(sql.middle(), part | {"half": count // 2})
    if count == 1:
        return {middle: staging.counted(error)}
    halves = (part | {"high": middle}, part | {"low": middle})
    return {at: bad for half in halves for at, bad in culprits(staging, objection, half).items()}
