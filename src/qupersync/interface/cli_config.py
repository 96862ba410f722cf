"""The command line of `qupersync config`: its words and their help."""

import typer

from qupersync.interface.options import Output, OutputOption, examples

config = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the configuration; connect to nothing.",
    epilog=examples("qupersync config show"),
)


@config.command(epilog=examples("qupersync config show", "qupersync config show -o json"))
def show(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Show each setting and where it comes from; of a secret only that it is set.

    Exits 3 if a setting is wrong.
    """
    from qupersync.interface import config as work

    work.settings(context.obj, output)


@config.command(epilog=examples("qupersync config path", "qupersync config path -o json"))
def path(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Show which jobs file and which .env are used, and why.

    Exits 3 if there is no jobs file.
    """
    from qupersync.interface import config as work

    work.paths(context.obj, output)


@config.command(epilog=examples("qupersync config schema > schema/jobs.v1.json"))
def schema() -> None:
    """Print the JSON Schema of jobs files, for editors."""
    from qupersync.interface import config as work

    work.schema()
