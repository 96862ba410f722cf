"""Files that commands write for the user."""

from qupersync.infrastructure.atomic_file import write_atomically
from qupersync.infrastructure.starter import write_starter

__all__ = ["write_atomically", "write_starter"]
