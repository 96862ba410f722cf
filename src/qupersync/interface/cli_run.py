"""The command line of `qupersync run`: its words and their help."""

from typing import Annotated

import typer

from qupersync.domain.run import Trigger
from qupersync.interface.options import Asker, Exclude, IfLocked, JobNames, Summary, examples

RUN = examples(
    "qupersync run --all", "qupersync run query_history", "qupersync run --tag logs --jobs 4"
)


def run(  # noqa: PLR0913 - a command's options are its arguments
    context: typer.Context,
    names: JobNames = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run every job.")] = False,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Run the jobs with this tag.", show_default=False),
    ] = None,
    exclude: Exclude = None,
    threads: Annotated[
        int, typer.Option("--jobs", min=1, max=16, help="How many jobs at once.")
    ] = 1,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no further job after a failure.")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Rows in one target transaction.")
    ] = None,
    from_initial: Annotated[
        bool, typer.Option("--from-initial", help="Read again from the jobs' initial.")
    ] = False,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Lift max_delete; for named jobs only.")
    ] = False,
    if_locked: Annotated[
        IfLocked | None,
        typer.Option(
            help="What to do about a job that another run holds; fail for a named job, else skip. "
            "wait lasts for the job's timeout."
        ),
    ] = None,
    trigger: Annotated[
        Asker | None,
        typer.Option(help="Who asks; manual on a terminal, else cron.", show_default=False),
    ] = None,
    output: Annotated[
        Summary | None,
        typer.Option("--output", "-o", help="One summary document on stdout.", show_default=False),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing unless something failed.")
    ] = False,
) -> None:
    """Run jobs: those named, those with a tag, or all."""
    from qupersync.bootstrap.passes import RunOptions
    from qupersync.interface import running

    running.require_selection(names or (), tags or (), every=every, allow_deletes=allow_deletes)
    options = RunOptions(
        names=names or (),
        tags=tags or (),
        exclude=exclude or (),
        threads=threads,
        fail_fast=fail_fast,
        batch_rows=batch_size,
        from_initial=from_initial,
        allow_deletes=allow_deletes,
        waits=if_locked is IfLocked.WAIT,
        trigger=Trigger(trigger) if trigger else None,
    )
    usual = IfLocked.FAIL if names else IfLocked.SKIP
    running.run(
        context.obj,
        options,
        held_is_failure=(if_locked or usual) is not IfLocked.SKIP,
        quiet=quiet,
        as_json=output is Summary.JSON,
    )
