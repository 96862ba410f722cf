"""Lines to a stream that perhaps nobody reads, which must hold up no run."""

import atexit
import os
from contextlib import suppress
from io import RawIOBase, TextIOWrapper
from queue import Full, Queue
from threading import Lock, Thread

PATIENCE_S = 1.0
DRAIN_S = 2.0
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
    that shares the pipe, and what ``poll`` saw free may be full when the write comes.
    """

    name = "<stderr>"

    def __init__(self, fd: int, most: int = MOST_WAITING) -> None:
        super().__init__()
        self._fd = fd
        self._waiting: Queue[tuple[int, bytes] | None] = Queue(most)
        self._lost = 0
        self._lock = Lock()
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
        try:
            # Where some were lost before, nobody reads: only the first has to find that out.
            self._waiting.put((lost, bytes(data)), timeout=0 if lost else PATIENCE_S)
        except Full:
            self._lose(lost + data.count(b"\n"))
        return len(data)

    def drain(self) -> None:
        """Wait until all is written, ``PATIENCE_S`` and ``DRAIN_S`` at most."""
        with suppress(Full):
            self._waiting.put(None, timeout=PATIENCE_S)
        self._writer.join(DRAIN_S)

    def _run(self) -> None:
        while (taken := self._waiting.get()) is not None:
            self._tell(*taken)
        if self._lost:
            self._tell(self._lost, b"")

    def _tell(self, lost: int, data: bytes) -> None:
        note = f"lost {lost} lines that could not be written\n".encode() if lost else b""
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
