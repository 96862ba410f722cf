"""Whether somebody who works is alive, or stuck."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

# Between two waits for a server a run only computes, on 4 MiB: seconds on a very busy machine.
STALL_S = 60.0


@dataclass(slots=True)
class Pulse:
    """What one thread at a time does: it waits, or is at work since its last wait.

    Each wait has a limit of its own somewhere, so whoever waits is not stuck.
    """

    clock: Callable[[], float] = monotonic
    _waits: bool = field(default=False, init=False)
    _seen_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._seen_at = self.clock()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait in the block for something that ends by itself."""
        self._waits = True
        try:
            yield
        finally:
            self._seen_at, self._waits = self.clock(), False

    def is_felt(self) -> bool:
        """Tell whether the thread waits, or has waited ``STALL_S`` ago or later."""
        return self._waits or self.clock() - self._seen_at < STALL_S
