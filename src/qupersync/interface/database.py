"""The commands about the target's schema: db upgrade, current, check, create."""

from qupersync.bootstrap.app import open_app
from qupersync.interface.next_command import tell_next
from qupersync.interface.options import Files
from qupersync.interface.text import put


def upgrade(files: Files) -> None:
    """Bring the schema to the revision that this version needs."""
    revision = open_app(jobs=files.jobs, env_file=files.env).upgrade()
    put(f"quper is at revision {revision}\n")
    tell_next("qupersync run --all")


def current(files: Files) -> None:
    """Write the schema's revision."""
    revision = open_app(jobs=files.jobs, env_file=files.env).revision()
    put(f"{revision.current or 'none'}\n")


def check(files: Files) -> None:
    """Say that this version can work with the schema; raise if it cannot."""
    revision = open_app(jobs=files.jobs, env_file=files.env).revision()
    revision.require()
    put(f"quper is at revision {revision.current}, as this version needs it\n")


def create(files: Files, job: str) -> None:
    """Make a job's missing target and write the statement."""
    statement = open_app(jobs=files.jobs, env_file=files.env).create(job)
    put(f"{statement};\n")
