"""The entry point of `qupersync` and of `python -m qupersync`."""

import atexit
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from types import FrameType

SIGNAL_BASE = 128


def main() -> None:
    """Run the command line and exit with its code."""
    _require_streams()
    # Before all else, for the imports take longer than many a run. What comes before, while Python
    # itself starts (20 ms), ends the process in the system's way, by the signal.
    signal.signal(signal.SIGTERM, _leave)
    # Most of the 150,000 objects that the imports make live to the end. To look through them for
    # garbage, again and again, took a quarter of a small run's time.
    gc.set_threshold(200_000)  # until rows come: see bootstrap.working
    # It would read the metadata of every installed package, and run what calls itself a plugin.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251 - for pydantic
    from qupersync.interface.cli import app  # noqa: PLC0415
    from qupersync.interface.outlet import outlet  # noqa: PLC0415

    # The memory holds every password; what core_pattern names might keep it for years.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show
    if isinstance(sys.stderr, TextIOWrapper) and not sys.stderr.isatty():
        sys.stderr = outlet(sys.stderr)
    try:
        app(prog_name="qupersync")
    finally:
        # To go takes a while: nothing is left to stop, and the code stands.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if isinstance(end := sys.exception(), SystemExit):
            _end(end.code)


def _require_streams() -> None:
    """Let a stream that the caller has closed lead nowhere: else a connection gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", errors="replace", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", errors="replace", closefd=False)


def _end(code: object) -> None:
    """End at once, or return where Python's own way out has something to say.

    To take all objects of a run apart takes Python 10 ms; the system takes the memory as it is.
    """
    if isinstance(code, int):
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to do what Python does now
        with suppress(OSError, ValueError):  # full, or closed
            print(end="", flush=True)  # noqa: T201 - what is left of all output
            os._exit(code)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End with the documented code where no run listens; by default the signal would be it."""
    os._exit(SIGNAL_BASE + number)


if __name__ == "__main__":
    main()
