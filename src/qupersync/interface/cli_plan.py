"""The command line of `qupersync plan`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.options import Exclude, JobNames, Output, OutputOption, examples

EXAMPLES = examples(
    "qupersync plan",
    "qupersync plan query_history --estimate",
    "qupersync plan --tag logs --from-initial -o json",
)


def plan(  # noqa: PLR0913 - a command's options are its arguments
    context: typer.Context,
    names: JobNames = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Plan every job, as without a name.")
    ] = False,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Plan the jobs with this tag.", show_default=False),
    ] = None,
    exclude: Exclude = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Rows in one target transaction.")
    ] = None,
    from_initial: Annotated[
        bool, typer.Option("--from-initial", help="As if all were read from the jobs' initial.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Count the rows to read; one query for each job.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what `run` would do now: window, SQL, merge, and what stands against it.

    Nothing is written, neither to Redshift nor to PostgreSQL. Exits 1 if a job would fail.

    On the path raw the merge is that of a batch in which no key comes twice; r0 is the query's
    first column, as it came. Rows that are all new or all unchanged take a shorter statement.
    """
    from qupersync.bootstrap.passes import RunOptions
    from qupersync.interface import plan as work
    from qupersync.interface import running

    is_all = every or not (names or tags)
    running.require_selection(names or (), tags or (), every=is_all, allow_deletes=False)
    options = RunOptions(
        names=names or (),
        tags=tags or (),
        exclude=exclude or (),
        batch_rows=batch_size,
        from_initial=from_initial,
    )
    work.plan(context.obj, options, output, counts=estimate)
