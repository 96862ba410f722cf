"""The command line of `qupersync db`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.cli_completion import job_names
from qupersync.interface.options import examples

db = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look after the target's schema.",
    epilog=examples("qupersync db upgrade"),
)


@db.command(epilog=examples("qupersync db upgrade"))
def upgrade(context: typer.Context) -> None:
    """Create or bring up to date QuperSync's own tables and the built-in targets."""
    from qupersync.interface import database

    database.upgrade(context.obj)


@db.command(epilog=examples("qupersync db current"))
def current(context: typer.Context) -> None:
    """Print the revision of the target's schema, or none."""
    from qupersync.interface import database

    database.current(context.obj)


@db.command(epilog=examples("qupersync db check && qupersync run --all"))
def check(context: typer.Context) -> None:
    """Exit 5 unless the target's schema is at the revision that this version needs."""
    from qupersync.interface import database

    database.check(context.obj)


@db.command(epilog=examples("qupersync db create query_history"))
def create(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names)
    ],
) -> None:
    """Make a job's missing target table and print the statement.

    The columns are those of the job, or else those of its query's result.
    """
    from qupersync.interface import database

    database.create(context.obj, job)
