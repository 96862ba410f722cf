"""Values to words that people read, safe to show on any terminal, and the way to both streams."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta, tzinfo
from typing import NoReturn, TextIO

import typer

from qupersync.interface.exit_codes import ExitCode

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SECOND_MS = 1_000
PART = 4_096


def put(text: str, limit_s: float = 0) -> None:
    """Write data to stdout; a reader who has gone away is no error.

    Unless ``limit_s`` is 0, nobody may leave a part of ``PART`` characters unread for so long.

    Raises:
        typer.Exit: it cannot be written; said on stderr.
    """
    try:
        for at in range(0, len(text), PART):
            with _within(limit_s) if limit_s else nullcontext():
                _write(sys.stdout, text[at : at + PART])
    except OSError as error:
        say(f"error: stdout cannot be written: {error.strerror} -> make room there, then repeat")
        raise typer.Exit(ExitCode.FAILED) from None


@contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """Let whoever waits in the block, for a reader of stdout, wait no longer than that.

    Raises:
        TimeoutError: from wherever the main thread waits then.
    """

    def give_up(*_: object) -> NoReturn:
        raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def say(text: str) -> None:
    """Write a line for people to stderr, if it can be; a line break inside it stays one."""
    with suppress(OSError):
        _write(sys.stderr, "\n".join(map(visible, text.split("\n"))) + "\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # Else what is buffered fails again at exit and makes the exit code 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def visible(text: str) -> str:
    """Return the text with everything escaped that could move a cursor or break a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def spent(duration_ms: int | None) -> str:
    """Return a duration as 80 ms, 1.2 s or 3 m 5 s."""
    if duration_ms is None:
        return "-"
    if duration_ms < _SECOND_MS:
        return f"{duration_ms} ms"
    if duration_ms < 60 * _SECOND_MS:
        return f"{duration_ms / _SECOND_MS:.1f} s"
    return _two_units(duration_ms // _SECOND_MS)


def ago(age: timedelta | None) -> str:
    """Return an age in its largest unit, as 4 m ago; a clock that is behind makes it 0 s."""
    if age is None:
        return "never"
    return f"{_one_unit(max(0, int(age.total_seconds())))} ago"


def left(seconds: int | None) -> str:
    """Return the time until something in its largest unit, as 4 m; now if it is over."""
    if seconds is None:
        return "-"
    return "now" if seconds < 0 else _one_unit(seconds)


def _one_unit(seconds: int) -> str:
    unit, size = next((pair for pair in _UNITS if seconds >= pair[1]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def _two_units(seconds: int) -> str:
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"


def moment(at: datetime | None, zone: tzinfo) -> str:
    """Return a time as a clock in ``zone`` shows it."""
    return "-" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
