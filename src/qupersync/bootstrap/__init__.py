"""The composition root: plugs adapters into the application; nothing else may touch them."""

from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.machine import environment, now, process, shipped
from qupersync.bootstrap.passes import Outcome, RunOptions

__all__ = ["App", "Outcome", "RunOptions", "environment", "now", "open_app", "process", "shipped"]
