"""The files that travel with the program: in the wheel, or at the top of a checkout."""

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the path of ``migrations``, ``jobs.yaml`` and the like."""
    package = Path(str(files("qupersync")))
    in_wheel = package / "_share" / name
    return in_wheel if in_wheel.exists() else package.parents[1] / name
