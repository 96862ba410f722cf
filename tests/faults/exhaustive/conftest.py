"""The tools that only the exhaustive part needs; without one of them nothing here is proved."""

import shutil
import socket

import pytest

TOOLS = {
    "strace": "strace",
    "faketime": "faketime",
    "pgbouncer": "pgbouncer",
    "pgbench": "postgresql-contrib",
}


@pytest.fixture(autouse=True, scope="session")
def _tools() -> None:
    missing = [TOOLS[tool] for tool in TOOLS if shutil.which(tool) is None]
    assert not missing, f"missing tools: apt-get install {' '.join(missing)}"


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
