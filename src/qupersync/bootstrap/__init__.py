"""The composition root: plugs adapters into the application; nothing else may touch them."""

from qupersync.application.backfill import Backfill
from qupersync.bootstrap.again import BackfillOptions
from qupersync.bootstrap.app import App, open_app
from qupersync.bootstrap.machine import environment, now, process, shipped
from qupersync.bootstrap.overview import Overview, metrics, overview
from qupersync.bootstrap.passes import Outcome, RunOptions
from qupersync.bootstrap.watching import Watch, watched
from qupersync.bootstrap.working import Listener
from qupersync.infrastructure.atomic_file import write_atomically
from qupersync.infrastructure.starter import write_starter

__all__ = [
    "App",
    "Backfill",
    "BackfillOptions",
    "Listener",
    "Outcome",
    "Overview",
    "RunOptions",
    "Watch",
    "environment",
    "metrics",
    "now",
    "open_app",
    "overview",
    "process",
    "shipped",
    "watched",
    "write_atomically",
    "write_starter",
]
