"""What a shell offers while somebody types the name of a job."""

from pathlib import Path

import typer


def job_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the jobs that the words typed so far leave to choose from."""
    from qupersync.completion import job_names as known

    jobs_file = context.find_root().params.get("jobs_file")
    typed = context.params.get("names") or ()
    return [
        name
        for name in known(Path(jobs_file) if jobs_file else None)
        if name.startswith(incomplete) and name not in typed
    ]
