"""The command line of `qupersync demo`: its words and their help."""

from typing import Annotated

import typer

from qupersync.interface.options import examples

DEMO = examples("qupersync demo", "qupersync demo --serverless --rows 50000")


def demo(
    *,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Queries to make up.")] = 20_000,
    serverless: Annotated[
        bool, typer.Option("--serverless", help="Stand in for Redshift Serverless.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed makes up other queries.")] = 1,
) -> None:
    """Run all jobs twice, from a stand-in Redshift into a throw-away PostgreSQL."""
    from qupersync.interface import showing

    showing.demo(rows=rows, serverless=serverless, seed=seed)
