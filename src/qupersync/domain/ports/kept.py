"""What the application needs of the rows that were set aside: to have them again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from qupersync.domain.batch import Batch
from qupersync.domain.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """Some rejects as a batch, and their ids in its order.

    They are as the query gave them, or, if ``is_of_target``, as texts under the target's names.
    ``is_discarded`` are those that somebody resolved: their keys may have been loaded since.
    """

    ids: tuple[int, ...]
    batch: Batch
    is_of_target: bool
    is_discarded: bool


class KeptRejects(Protocol):
    """The rejects of one job that somebody chose, over the connection of the run."""

    def parts(self, run: Run, *, at_most: int) -> Iterator[KeptRows]:
        """Yield them in the order in which they were last seen, ``at_most`` or 8 MiB at once.

        Those that ``run`` itself has refused do not come again.
        """

    def mark_replayed(self, ids: Sequence[int]) -> None:
        """Resolve rejects, in the transaction that is open."""
