"""SIGINT and SIGTERM: the first asks every run to end in order, the second ends the process."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, RLock, Thread, Timer
from types import FrameType
from typing import TypeVar

from qupersync.domain.errors import StoppedError

EXIT_BASE = 128
# A connect that is not done so long after somebody's wish to stop meets a server that is silent.
LAST_CONNECT_S = 1.0
T = TypeVar("T")


@dataclass(slots=True)
class Stop:
    """Keeps the promises of ``ports.Stop``; ``signal`` is the number that asked, or 0.

    ``whole`` is the wish that this one is a part of.
    """

    signal: int = 0
    whole: "Stop | None" = None
    _is_requested: bool = False
    _actions: dict[int, Callable[[], None]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)
    # The one queue of the standard library that a signal handler may fill.
    _bell: SimpleQueue[None] = field(default_factory=SimpleQueue)

    def is_requested(self) -> bool:
        """Keep the promise of ``ports.Stop.is_requested``."""
        return self._is_requested or (self.whole is not None and self.whole.is_requested())

    def wait(self, seconds: float) -> bool:
        """Keep the promise of ``ports.Stop.wait``."""
        with suppress(Empty):
            self._bell.put(self._bell.get(timeout=seconds))  # for whoever waits besides
        return self.is_requested()

    def request(self, number: int = 0) -> None:
        """Keep the promise of ``ports.Stop.request``; ``number`` is that of a signal."""
        with self._lock:
            self.signal, self._is_requested = number, True
            self._bell.put(None)
            for action in list(self._actions.values()):
                action()

    @contextmanager
    def interrupting(self, action: Callable[[], None]) -> Iterator[None]:
        """Keep the promise of ``ports.Stop.interrupting``."""
        with self._lock:
            self._actions[id(action)] = action
            if self.is_requested():
                action()
        try:
            yield
        finally:
            with self._lock:
                del self._actions[id(action)]

    @contextmanager
    def part(self) -> Iterator["Stop"]:
        """Keep the promise of ``ports.Stop.part``."""
        part = Stop(whole=self)
        with self.interrupting(lambda: part.request(self.signal)):
            yield part


@contextmanager
def entered(context: AbstractContextManager[T], stop: Stop) -> Iterator[T]:
    """Enter a context that may take its time, unless ``stop`` is asked for.

    It is entered in a thread of its own, which nobody can interrupt but everybody can leave: no
    driver lets go of a connect. What it gets too late it closes.

    Raises:
        StoppedError: somebody wants to stop, and it is not entered ``LAST_CONNECT_S`` later.
    """
    first, answers = Lock(), SimpleQueue[Future[T]]()

    def enter() -> None:
        entering = Future[T]()
        try:
            entering.set_result(context.__enter__())
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            entering.set_exception(error)
        if first.acquire(blocking=False):
            answers.put(entering)
        elif entering.exception() is None:
            context.__exit__(None, None, None)

    def leave() -> None:
        left = Future[T]()
        left.set_exception(StoppedError())
        if first.acquire(blocking=False):
            answers.put(left)

    Thread(target=enter, name="connect", daemon=True).start()
    with ExitStack() as opened:
        with stop.interrupting(lambda: _later(LAST_CONNECT_S, leave)):
            value = answers.get().result()
        opened.push(context)
        yield value


def _later(seconds: float, act: Callable[[], None]) -> None:
    timer = Timer(seconds, act)
    timer.daemon = True
    timer.start()


@contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Let SIGINT and SIGTERM ask ``stop`` inside the block; only the main thread may enter it."""

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_requested():
            os._exit(EXIT_BASE + number)
        stop.request(number)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, asked) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
