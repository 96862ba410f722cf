"""A stand-in before the session's PostgreSQL, and the real driver connected to it."""

from collections.abc import Iterator

import pytest
from redshift_connector.core import Connection

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.standin.driver import connect


@pytest.fixture
def stand_in(server: PostgresAddress) -> Iterator[StandIn]:
    with StandIn(upstream=server) as running:
        yield running


@pytest.fixture
def connection(stand_in: StandIn) -> Iterator[Connection]:
    """A connection of the driver; the driver's ``timeout`` bounds a test that goes wrong."""
    opened = connect(stand_in, timeout=20)
    yield opened
    opened.close()
