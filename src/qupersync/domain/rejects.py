"""How many rows of a run may be set aside."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Reject
from qupersync.domain.errors import TooManyRejectsError

# A share says little before that many rows.
SHARE_COUNTS_AFTER = 1_000
_SHOWN = 5


@dataclass(slots=True)
class RejectBudget:
    """Counts the distinct rejects of one run against the job's ``max_rejects``."""

    allowance: Allowance
    seen: set[bytes] = field(default_factory=set)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def spend(self, rejects: Iterable[Reject], extracted: int, *, at_end: bool = False) -> None:
        """Count rejects; ``extracted`` is the number of rows that the run has read so far.

        Raises:
            TooManyRejectsError: the budget is spent; names reasons and columns, no values.
        """
        for reject in rejects:
            if reject.digest not in self.seen:
                self.seen.add(reject.digest)
                self.reasons[reject.refusal.reason, reject.refusal.column] += 1
        early = self.allowance.share is not None and extracted < SHARE_COUNTS_AFTER and not at_end
        if not early and self.allowance.is_exceeded(len(self.seen), extracted):
            raise TooManyRejectsError(
                f"{len(self.seen)} rows rejected, allowed are {self.allowance}: {self._summary()}"
            )

    def _summary(self) -> str:
        return ", ".join(
            f"{count} {reason}" + (f" in {column!r}" if column else "")
            for (reason, column), count in self.reasons.most_common(_SHOWN)
        )
