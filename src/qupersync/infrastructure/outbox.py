"""Errands in a thread of their own: in order, and nobody waits long for them."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)
PATIENCE_S = 10.0

Errand = Callable[[], object]


class Outbox:
    """Runs what is put into it; leaving the block waits at most ``patience_s`` seconds for it."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._errands: SimpleQueue[Errand | None] = SimpleQueue()
        # A daemon, so that one that hangs dies with the process.
        self._thread = Thread(target=self._work, name="outbox", daemon=True)

    def put(self, errand: Errand) -> None:
        """Run the errand after those before it, from any thread; what it raises is logged."""
        self._errands.put(errand)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._errands.put(None)
        self._thread.join(self._patience_s)
        if self._thread.is_alive():
            logger.warning("gave up sending", extra={"after_s": self._patience_s})

    def _work(self) -> None:
        while errand := self._errands.get():
            try:
                errand()
            except Exception as error:  # noqa: BLE001 - its text may hold a URL, which is a secret
                logger.warning("not sent", extra={"reason": type(error).__name__})
