"""The fixtures of the other suites: a shell with both servers, and the pipeline without one."""

from tests.cli.conftest import _logging_as_before, shell, world
from tests.pipeline.conftest import items, rig

__all__ = ["_logging_as_before", "items", "rig", "shell", "world"]
