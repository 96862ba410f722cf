"""Batches read in a thread of their own, while the caller stores those that came before."""

from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Self

from qupersync.domain.batch import Batch

# While no more than this waits the next batch is read, so that memory is bounded by the widest.
LIGHT_BYTES = 2 * 1024 * 1024


class ReadAhead:
    """Gives the batches in their order, then the end or the error that the reading met.

    One batch waits at most; the next is begun when that is taken, or at once behind a light one.
    ``is_over`` once the reader will not read on.
    """

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._waiting: Batch | None = None
        self._is_light = True
        self._change = Condition()
        self.is_over = False
        self._error: BaseException | None = None
        self._reader = Thread(target=self._read, name="reader")
        self._reader.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        with self._change:
            self._change.wait_for(lambda: self._waiting is not None or self.is_over)
            batch, self._waiting = self._waiting, None
            self._change.notify()
        if batch is not None:
            return batch
        if self._error is not None:
            raise self._error
        raise StopIteration

    def close(self) -> None:
        """Give up what was not taken, and wait for the reader; its next read must not block."""
        with self._change:
            self.is_over = True
            self._change.notify()
        self._reader.join()

    def _read(self) -> None:
        try:
            while self._until(self._has_room) and (batch := next(self._batches, None)) is not None:
                if self._until(lambda: self._waiting is None):
                    self._is_light = sum(map(len, batch.payloads)) <= LIGHT_BYTES
                    with self._change:
                        self._waiting = batch
                        self._change.notify()
                del batch  # else it lived until the next one is there
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
        with self._change:
            self.is_over = True
            self._change.notify()

    def _has_room(self) -> bool:
        return self._waiting is None or self._is_light

    def _until(self, holds: Callable[[], bool]) -> bool:
        """Wait until that holds; tell whether the caller still reads on."""
        with self._change:
            self._change.wait_for(lambda: self.is_over or holds())
            return not self.is_over
