"""The command report: how all jobs stand, as a page."""

from pathlib import Path

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.overview import overview
from qupersync.interface.destination import deliver
from qupersync.interface.options import Files
from qupersync.interface.page import page
from qupersync.interface.sparkline import PLACES

LATEST = 20


def report(files: Files, path: Path) -> None:
    """Write the page to a file at once, or to stdout for ``-``."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    seen = overview(app, recent=PLACES, latest=LATEST)
    deliver(page(seen, app.settings.sync.time_zone), path)
