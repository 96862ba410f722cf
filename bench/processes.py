"""Runs a command; tells how long it took, and the memory and processor time of its whole tree."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil  # type: ignore[import-untyped]

_LOOK_EVERY_S = 0.05
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_LAST_WORDS = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended; ``error`` is empty when it succeeded."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, where, and with which environment: nothing of ours is inherited."""

    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str]

    def run(self, timeout_s: float) -> Outcome:
        """Run it to its end, or kill it and its children after ``timeout_s``."""
        with tempfile.TemporaryFile() as said:
            start = time.perf_counter()
            process = subprocess.Popen(
                self.words,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            watch = _Watch(process.pid, timeout_s)
            watch.start()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            watch.stop()
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-_LAST_WORDS:]
        return Outcome(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=max(watch.peak_bytes, _largest_process(usage)) / 1_000_000,
            error=_failure(process.returncode, timed_out=watch.timed_out, words=words),
        )


class _Watch(Thread):
    """Adds up the resident memory of a process and all its children, again and again."""

    def __init__(self, pid: int, timeout_s: float) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.timed_out = False
        self._process = psutil.Process(pid)
        if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
            raise RuntimeError("this kernel does not tell the children of a process")
        self._deadline = time.monotonic() + timeout_s
        self._over = Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            try:
                self.peak_bytes = max(self.peak_bytes, self._resident())
            except psutil.NoSuchProcess:
                return
            if time.monotonic() > self._deadline:
                self.timed_out = True
                os.killpg(self._process.pid, signal.SIGKILL)
                return

    def _resident(self) -> int:
        # A child that has not started its program yet shares all of its parent's memory: the
        # driver of QuperSync asks uname, and was seen with 149 MB instead of 89.
        words = self._process.cmdline()
        others = [child for child in _below(self._process.pid) if _words(child) != words]
        return sum(map(_resident, [self._process, *others]))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _below(pid: int) -> Iterator[psutil.Process]:
    """Yield a process's children and theirs, as the kernel lists them.

    ``psutil`` looks at every process there is, 2 ms each time: a twentieth of a core, for which
    only those wait who keep both cores busy.
    """
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, _told(children).split()):
            with suppress(psutil.NoSuchProcess):
                yield psutil.Process(child)
            yield from _below(child)


def _told(children: Path) -> str:
    try:
        return children.read_text()
    except OSError:  # the thread is gone
        return ""


def _largest_process(usage: resource.struct_rusage) -> int:
    """Return the kernel's peak of the largest process, which misses no moment between two looks."""
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a child begins with ours
    return usage.ru_maxrss * _RSS_UNIT if usage.ru_maxrss > inherited else 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def _failure(code: int, *, timed_out: bool, words: str) -> str:
    if timed_out:
        return f"took too long; its last words: {words}"
    return f"exit code {code}; its last words: {words}" if code else ""
