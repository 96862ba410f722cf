"""The entry point of `qupersync` and of `python -m qupersync`."""

import resource
import sys
from io import TextIOWrapper

from qupersync.interface.cli import app


def main() -> None:
    """Run the command line and exit with its code."""
    # The memory holds every password; what core_pattern names might keep it for years.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show
    app(prog_name="qupersync")


if __name__ == "__main__":
    main()
