import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.cli.shell import CLOCK, TABLE, Shell, World, variables
from tests.grants import ON_DATABASE, as_role, reader_of

SECRET = "of-the-stand-in"  # noqa: S105 - nobody else's


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Forget how a command set up logging in this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(folder=tmp_path)
    shell.write_jobs()
    return shell


@pytest.fixture
def world(
    server: PostgresAddress, shell: Shell, empty_database: str, target: str
) -> Iterator[World]:
    """The job items has three rows to load; broken cannot work.

    The program runs as the roles of docs/grants.sql.
    """
    with StandIn(upstream=reader_of(server), password=SECRET) as stand_in:
        shell.variables = variables(stand_in, empty_database, as_role(target, "quper_writer"))
        world = World(shell=shell, source=empty_database, target=target, stand_in=stand_in)
        world.at_source(CLOCK, TABLE, "INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        world.at_target(TABLE, "CREATE TABLE others (id int PRIMARY KEY)")
        world.at_target(ON_DATABASE, "GRANT CREATE ON SCHEMA public TO quper_migrator")
        yield world
