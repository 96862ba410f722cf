"""The command cancel: whom it asked, in words."""

from qupersync.bootstrap.app import open_app
from qupersync.bootstrap.cancel import canceled
from qupersync.interface.options import Files
from qupersync.interface.text import put


def cancel(files: Files, job: str) -> None:
    """Ask the run that holds the job to stop.

    Raises:
        SelectionError: no job has this name, or no run holds it.
    """
    run_id = canceled(open_app(jobs=files.jobs, env_file=files.env), job)
    put(f"{job}: asked run {run_id} to stop; to see how it ended: qupersync show {run_id}\n")
