"""The entry point of `qupersync` and of `python -m qupersync`."""

import atexit
import gc
import resource
import sys
from io import TextIOWrapper

from qupersync.interface.cli import app


def main() -> None:
    """Run the command line and exit with its code."""
    # The memory holds every password; what core_pattern names might keep it for years.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # Most of the 100,000 objects that the imports make live to the end. To look through them for
    # garbage, again and again and once more at the exit, took a quarter of a small run's time.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show
    app(prog_name="qupersync")


if __name__ == "__main__":
    main()
