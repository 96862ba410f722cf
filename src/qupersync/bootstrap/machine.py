"""What only this process knows: its clock, its environment, its name, its files."""

import os
import socket
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from qupersync.infrastructure import shipped as files


class Process(TypedDict):
    """What tells this process from others, as ``sync_logs`` keeps it."""

    host: str
    pid: int
    version: str


def process() -> Process:
    """Return who runs here."""
    return Process(host=socket.gethostname(), pid=os.getpid(), version=version("qupersync"))


def environment() -> dict[str, str]:
    """Return a copy of this process's environment."""
    return dict(os.environ)  # noqa: TID251 - the one place that may


def now() -> datetime:
    """Return this machine's time; only runs' own times come from it, never a window."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that may


def shipped(name: str) -> Path:
    """Return the path of a file that travels with the program."""
    return files.shipped(name)
