from collections.abc import Iterator
from pathlib import Path

import pytest

from qupersync.demo.postgres import PostgresAddress
from tests.cli.conftest import _logging_as_before
from tests.faults.opening import opened
from tests.faults.site import Site

__all__ = ["_logging_as_before", "site"]
EXHAUSTIVE = Path(__file__).parent / "exhaustive"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the exhaustive part to who asks for it by its path: it needs tools and minutes."""
    is_asked = any(EXHAUSTIVE.name in argument for argument in config.args)
    return True if collection_path == EXHAUSTIVE and not is_asked else None


@pytest.fixture
def load() -> str:
    """The way of the rows; a test that is about more than one has a parameter of this name."""
    return "auto"


@pytest.fixture
def site(
    server: PostgresAddress, tmp_path: Path, empty_database: str, target: str, load: str
) -> Iterator[Site]:
    """The job items has eleven rows to load, in two pieces of two batches each."""
    with opened(tmp_path, (server, empty_database), (server, target), load) as site:
        yield site
