"""What a running job needs of its own process."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from qupersync.domain.ports.records import Lease

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


class Stop(Protocol):
    """Somebody's wish that all runs end in order."""

    def is_requested(self) -> bool:
        """Tell whether the wish was made."""

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until the wish is made; tell whether it was."""

    def interrupting(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``action``, from another thread, when the wish is made inside the block."""


class Heartbeat(Protocol):
    """What keeps leases alive while their holders work."""

    def beating(self, lease: Lease, limit_s: float) -> AbstractContextManager[None]:
        """Renew the lease again and again inside the block, for ``limit_s`` seconds at most.

        After that the holder counts as stuck, and another may take the job over.
        """
