"""The command metrics: how the jobs stand, for Prometheus."""

from pathlib import Path

from qupersync.bootstrap import overview
from qupersync.bootstrap.app import open_app
from qupersync.interface.destination import deliver
from qupersync.interface.options import Files


def metrics(files: Files, path: Path) -> None:
    """Write the metrics of all jobs to a file at once, or to stdout for ``-``."""
    app = open_app(jobs=files.jobs, env_file=files.env)
    deliver(overview.metrics(app), path)
