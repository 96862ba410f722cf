"""SIGINT and SIGTERM: the first asks every run to end in order, the second ends the process."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from socket import socket, socketpair
from threading import Event, Lock, RLock, Thread, Timer
from time import monotonic
from types import FrameType
from typing import TypeVar

from qupersync.domain.errors import StoppedError

EXIT_BASE = 128
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A connect that is not done so long after somebody's wish to stop meets a server that is silent.
LAST_CONNECT_S = 1.0
# ``timeout`` signals its child and then the child's group: that is one wish.
TOGETHER_S = 0.1
T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Stop:
    """Keeps the promises of ``ports.Stop``; ``signal`` is the number that asked, or 0.

    ``whole`` is the wish that this one is a part of.
    """

    signal: int = 0
    whole: "Stop | None" = None
    _wish: Event = field(default_factory=Event)
    _actions: dict[int, Callable[[], None]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def is_requested(self) -> bool:
        """Keep the promise of ``ports.Stop.is_requested``."""
        return self._wish.is_set() or (self.whole is not None and self.whole.is_requested())

    def wait(self, seconds: float) -> bool:
        """Keep the promise of ``ports.Stop.wait``."""
        self._wish.wait(seconds)
        return self.is_requested()

    def request(self, number: int = 0) -> None:
        """Keep the promise of ``ports.Stop.request``; ``number`` is that of a signal."""
        with self._lock, ExitStack() as each:  # also those behind one that fails
            self.signal = number
            self._wish.set()
            for action in reversed(self._actions.values()):
                each.callback(action)

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
    """Let SIGINT and SIGTERM ask ``stop`` inside the block; only the main thread may enter it.

    A thread of its own hears them. Python runs a handler in the main thread, and where that was
    about to begin a wait only once it has ended: 3 of some 200 runs did not hear that they were to
    stop. The number of the signal is written at once, whatever that thread does.
    """
    ear, mouth = socketpair()
    mouth.settimeout(0)
    listener = Thread(target=_listen, args=(ear, stop), name="signals", daemon=True)
    with ExitStack() as last:
        last.enter_context(ear)
        listener.start()
        last.callback(listener.join)
        last.enter_context(mouth)
        before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        last.callback(signal.set_wakeup_fd, before)
        for number in SIGNALS:
            last.callback(signal.signal, number, signal.signal(number, _written))
        yield


def _written(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; a signal that nobody handles would not be written."""


def _listen(ear: socket, stop: Stop) -> None:
    heard = (number for [number] in iter(partial(ear.recv, 1), b"") if number in SIGNALS)
    for first in heard:
        try:
            stop.request(first)
        except Exception:  # a second signal must still be heard
            logger.exception("not all could be told that the run is to stop")
        until = monotonic() + TOGETHER_S  # not before: to tell all may take as long
        for second in heard:
            if monotonic() > until:
                os._exit(EXIT_BASE + second)
