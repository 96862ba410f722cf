from collections.abc import Iterator

import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.grants import reader_of
from tests.pipeline.rig import ITEMS, SOURCE_SCHEMA, Rig


@pytest.fixture
def rig(server: PostgresAddress, empty_database: str, target: str) -> Iterator[Rig]:
    with StandIn(upstream=reader_of(server)) as stand_in:
        rig = Rig(source=empty_database, target=target, stand_in=stand_in)
        rig.at_source(SOURCE_SCHEMA)
        yield rig


@pytest.fixture
def items(rig: Rig) -> Rig:
    """The table items, empty, on both sides."""
    rig.at_both(ITEMS)
    return rig
