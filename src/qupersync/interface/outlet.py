"""Lines to a stream that perhaps nobody reads, which must hold up no run."""

import atexit
import os
from io import RawIOBase, TextIOWrapper
from queue import SimpleQueue
from threading import Event, RLock, Thread
from time import monotonic

PATIENCE_S, LOOK_S = 1.0, 0.01
DRAIN_S = 2.0
NOTE = b"lost %d lines that could not be written\n"
JSON_NOTE = b'{"event": "lost %d lines that could not be written", "level": "warning"}\n'
MOST_WAITING = 1_000


def outlet(stream: TextIOWrapper) -> TextIOWrapper:
    """Return what writes to the same file, and waits a little for what is left at the exit."""
    lines = Outlet(stream.fileno())
    atexit.register(lines.drain)
    return TextIOWrapper(lines, stream.encoding, stream.errors, write_through=True)


class Outlet(RawIOBase):
    """Writes to a file descriptor in a thread of its own, all that it is given at once.

    When ``most`` wait and none is taken within ``PATIENCE_S``, what comes is dropped; where it is
    missing, a line says how many lines. A thread, because O_NONBLOCK would be set for every process
    that shares the pipe, and what ``poll`` saw free may be full when the write comes. All of it can
    be entered again by what the garbage collector calls in the middle of it.
    """

    name = "<stderr>"

    def __init__(self, fd: int, most: int = MOST_WAITING) -> None:
        super().__init__()
        self._fd = fd
        self._most = most
        self._waiting: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        self._lost = 0
        self._lock = RLock()
        self._is_json = False
        self._writer = Thread(target=self._run, name="outlet", daemon=True)
        self._writer.start()

    def writable(self) -> bool:
        """Tell that this is for writing."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._fd

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Let the data be written, or drop it."""
        if not self._writer.is_alive():  # after the drain: the reader reads
            self._tell(0, bytes(data))
            return len(data)
        with self._lock:
            lost, self._lost = self._lost, 0
        # Where some were lost before, nobody reads: only the first has to find that out.
        if self._has_room(0 if lost else PATIENCE_S):
            self._waiting.put((lost, bytes(data)))
        else:
            self._lose(lost + data.count(b"\n"))
        return len(data)

    def _has_room(self, patience_s: float) -> bool:
        end = monotonic() + patience_s
        while self._waiting.qsize() >= self._most and monotonic() < end:
            Event().wait(LOOK_S)
        return self._waiting.qsize() < self._most

    def drain(self) -> None:
        """Wait until all is written, ``DRAIN_S`` at most."""
        self._waiting.put(None)
        self._writer.join(DRAIN_S)

    def _run(self) -> None:
        while (taken := self._waiting.get()) is not None:
            self._tell(*taken)
        if self._lost:
            self._tell(self._lost, b"")

    def _tell(self, lost: int, data: bytes) -> None:
        self._is_json = data.startswith(b"{") if data else self._is_json
        note = (JSON_NOTE if self._is_json else NOTE) % lost if lost else b""
        try:
            self._write_all(note + data)
        except OSError:
            self._lose(lost + data.count(b"\n"))

    def _write_all(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def _lose(self, lines: int) -> None:
        with self._lock:
            self._lost += lines
