"""Rows that PostgreSQL refused: why, and how many are worth a search."""

from dataclasses import dataclass, field

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Refusal
from qupersync.domain.errors import RowsRefusedError, TooManyRejectsError

SEARCH_LIMIT = 1_000
_REASONS = {
    "22001": "lossy-cast",
    "22003": "out-of-range",
    "22007": "invalid-datetime",
    "22008": "invalid-datetime",
    "23502": "required",
    "23503": "foreign-key",
    "23505": "not-unique",
    "23514": "check",
    "54000": "too-long",
}


@dataclass(slots=True)
class Refusals:
    """Those of one transaction; ``allowance`` is the job's."""

    allowance: Allowance
    rows: int = field(default=0, init=False)

    def counted(self, error: RowsRefusedError, *, of: int) -> Refusal:
        """Count one more row, of so many, and return why it was refused.

        Raises:
            TooManyRejectsError: there are more than the job allows and one looks for.
        """
        # Each bad row costs about two statements: all of 1,000,000 would take hours to find.
        self.rows += 1
        if self.rows > SEARCH_LIMIT and self.allowance.is_exceeded(self.rows, of):
            raise TooManyRejectsError(
                f"more than {SEARCH_LIMIT} rows were refused by the target, the last by: {error}"
            )
        reason = _REASONS.get(error.sqlstate, "invalid-value")
        return Refusal(reason, error.column, error.sqlstate)
