"""What a history needs of a model, be it in memory or a real PostgreSQL."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from qupersync.domain.batch import Tally
from qupersync.domain.ports import Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All that the target holds: rows by id as (state, stamp), gaps as (low, high)."""

    watermark: Any
    rows: Mapping[int, tuple[str, Any]]
    gaps: frozenset[tuple[Any, Any]]
    ledger: Tally
    batches: int
    open_runs: int


class Model(Heartbeat, Protocol):
    """A source that shows a world, and a target: of their ports, what a run of a job needs."""

    def open_source(self, limit_s: float, /) -> AbstractContextManager[Any]:
        """Connect to the source."""

    def open_target(self) -> AbstractContextManager[Any]:
        """Connect to the target."""

    def shows(self) -> None:
        """Let the source show the world as it is now."""

    def expires(self) -> None:
        """Let the time of every lease run out."""

    def stored(self) -> Stored:
        """Return what is committed."""
