"""The command report: how all jobs stand, as a page."""

from pathlib import Path

from qupersync import bootstrap
from qupersync.interface.destination import deliver
from qupersync.interface.options import Files
from qupersync.interface.page import page
from qupersync.interface.sparkline import PLACES

LATEST = 20


def report(files: Files, path: Path) -> None:
    """Write the page to a file at once, or to stdout for ``-``."""
    app = bootstrap.open_app(jobs=files.jobs, env_file=files.env)
    overview = bootstrap.overview(app, recent=PLACES, latest=LATEST)
    deliver(page(overview, app.settings.sync.time_zone), path)
