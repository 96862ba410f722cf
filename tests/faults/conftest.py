from collections.abc import Iterator
from pathlib import Path

import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.cli.conftest import _logging_as_before
from tests.cli.shell import Shell, variables
from tests.faults.proxy import Proxy
from tests.faults.site import JOBS, ROWS, SOURCE, TARGET, Site
from tests.grants import reader_of
from tests.pipeline.rig import SOURCE_SCHEMA

__all__ = ["_logging_as_before", "site"]
EXHAUSTIVE = Path(__file__).parent / "exhaustive"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the exhaustive part to who asks for it by its path: it needs tools and minutes."""
    is_asked = any(EXHAUSTIVE.name in argument for argument in config.args)
    return True if collection_path == EXHAUSTIVE and not is_asked else None


@pytest.fixture
def site(
    server: PostgresAddress, tmp_path: Path, empty_database: str, target: str
) -> Iterator[Site]:
    """The job items has eleven rows to load, in two pieces of two batches and one of one."""
    shell = Shell(folder=tmp_path)
    shell.write_jobs(JOBS)
    with (
        StandIn(upstream=reader_of(server), password="canary-of-the-source") as stand_in,
        Proxy(server) as proxy,
    ):
        shell.variables = variables(stand_in, empty_database, target) | {
            "POSTGRES_HOST": proxy.host,
            "POSTGRES_PORT": str(proxy.port),
            "POSTGRES_USER": "quper_writer",
            "POSTGRES_PASSWORD": "canary-of-the-target",
            "POSTGRES_SSLMODE": "disable",
            "SYNC_RETRIES": "0",
        }
        site = Site(
            shell=shell, source=empty_database, target=target, stand_in=stand_in, proxy=proxy
        )
        site.at_source(SOURCE_SCHEMA, SOURCE, ROWS)
        site.at_target(TARGET)
        yield site
