"""What a running job needs of its own process."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from qupersync.domain.ports.records import Lease

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]
# A random number from 0 to 1, each as likely as any other.
Chance = Callable[[], float]


class Stop(Protocol):
    """Somebody's wish that all runs, or one, end in order."""

    def is_requested(self) -> bool:
        """Tell whether the wish was made."""

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until the wish is made; tell whether it was."""

    def request(self) -> None:
        """Make the wish, and interrupt what can be interrupted; from any thread."""

    def interrupting(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``action``, from another thread, when the wish is made inside the block."""

    def part(self) -> AbstractContextManager["Stop"]:
        """Yield the wish for one run: made when this one is, or alone."""


class Heartbeat(Protocol):
    """What keeps leases alive while their holders work."""

    def beating(
        self,
        lease: Lease,
        limit_s: float,
        is_at_work: Callable[[], bool],
        on_cancel: Callable[[], None],
    ) -> AbstractContextManager[Callable[[], bool]]:
        """Renew the lease again and again inside the block, for ``limit_s`` seconds at most.

        After that, or while he is not at work, the holder counts as stuck, and another may take
        the job over. Calls ``on_cancel`` when somebody asked the holder to stop. Yields what tells
        whether the lease can be trusted: not if the last answer is so old that another may have it
        by now.
        """
