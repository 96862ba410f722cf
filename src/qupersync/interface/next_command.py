"""What to type next in the first five minutes, told to a person at a terminal only."""

import sys

from qupersync.interface.text import say


def tell_next(command: str) -> None:
    """Say it on stderr, unless nobody sits there: cron mails what is said."""
    if sys.stderr.isatty():
        say(f"next: {command}")
