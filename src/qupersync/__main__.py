"""The entry point of `qupersync` and of `python -m qupersync`."""

import sys
from io import TextIOWrapper

from qupersync.interface.cli import app


def main() -> None:
    """Run the command line and exit with its code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show
    app(prog_name="qupersync")


if __name__ == "__main__":
    main()
