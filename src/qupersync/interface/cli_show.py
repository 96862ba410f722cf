"""The command line of `qupersync show`: its words and their help."""

import typer

from qupersync.interface.options import Output, OutputOption, RunId, examples

SHOW = examples(
    "qupersync history",
    "qupersync show 5f0c1e0e",
    "qupersync show 5f0c1e0e-0d6b-4b7e-9a53-2f9f4f0e9c11 -o json",
)


def show(
    context: typer.Context,
    run_id: RunId,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one past run: what became of it, why, its batches and rejects, what to type next."""
    from qupersync.interface import show as work

    work.show(context.obj, run_id, output)
