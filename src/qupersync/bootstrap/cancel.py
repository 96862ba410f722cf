"""The wish that a run stops, put where its holder sees it."""

from uuid import UUID

from qupersync.application.selection import named
from qupersync.bootstrap.app import App
from qupersync.domain.errors import SelectionError


def canceled(app: App, name: str) -> UUID:
    """Ask the run that holds the job to stop; return its id.

    Raises:
        SelectionError: no job has this name, or no run holds it.
    """
    job = named(app.jobs_file.jobs, name)
    with app.servers.target() as target:
        target.require_ready([job])
        run_id = target.leases.cancel(job)
    if run_id is None:
        raise SelectionError(f"no run holds job {name}", hint=f"qupersync status {name}")
    return run_id
