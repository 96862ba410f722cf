"""The command init: writes the first files and says what to type next."""

import shlex
from pathlib import Path

from qupersync.bootstrap.files import write_starter
from qupersync.interface.text import put, say

_NEXT = ("qupersync validate", "qupersync doctor", "qupersync db upgrade")


def init(folder: Path, *, built_in: bool) -> None:
    """Write the first files into the folder, and their paths to stdout."""
    for path in write_starter(folder, built_in=built_in):
        put(f"{path}\n")
    there = () if folder == Path() else (f"cd {shlex.quote(str(folder))}",)
    say(f"Write into {folder / '.env'} where Redshift and PostgreSQL are, then type:")
    for command in (*there, *_NEXT):
        say(f"  {command}")
