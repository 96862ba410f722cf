"""The command line of `qupersync doctor`: its words and their help."""

import typer

from qupersync.interface.options import Output, OutputOption, examples

EPILOG = examples("qupersync doctor", "qupersync doctor -o json")


def doctor(context: typer.Context, *, output: OutputOption = Output.TABLE) -> None:
    """Check files, connections, rights, views, clocks and tables; change nothing.

    Each line is ok, warn or fail, with what repairs it. Exits 1 if a line is fail.
    """
    from qupersync.interface import doctor as work

    work.doctor(context.obj, output)
