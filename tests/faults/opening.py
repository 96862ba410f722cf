"""Makes a site: its tables, the stand-in before its source and the proxy before its target."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.cli.shell import Shell, variables
from tests.faults.proxy import Proxy
from tests.faults.site import ROWS, SOURCE, TARGET, Site
from tests.grants import reader_of
from tests.pipeline.rig import SOURCE_SCHEMA


@contextmanager
def opened(
    folder: Path,
    source: tuple[PostgresAddress, str],
    target: tuple[PostgresAddress, str],
    load: str = "auto",
) -> Iterator[Site]:
    """Open a site in ``folder`` between two databases, each given by its server and conninfo."""
    shell = Shell(folder=folder)
    with (
        StandIn(upstream=reader_of(source[0]), password="canary-of-the-source") as stand_in,
        Proxy(target[0]) as proxy,
    ):
        shell.variables = variables(stand_in, source[1], target[1]) | {
            "POSTGRES_HOST": proxy.host,
            "POSTGRES_PORT": str(proxy.port),
            "POSTGRES_USER": "quper_writer",
            "POSTGRES_PASSWORD": "canary-of-the-target",
            "POSTGRES_SSLMODE": "disable",
            "SYNC_RETRIES": "0",
        }
        site = Site(
            shell=shell,
            source=source[1],
            target=target[1],
            stand_in=stand_in,
            proxy=proxy,
            load=load,
        )
        site.at_source(SOURCE_SCHEMA, SOURCE, ROWS)
        site.at_target(TARGET)
        yield site
