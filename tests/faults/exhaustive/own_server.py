"""A PostgreSQL that belongs to one test, which may stop it, start it and turn its clock."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres
from tests.grants import READABLE, execute, make_roles, migrate

PROGRAMS = "SELECT setting FROM pg_config WHERE name = 'BINDIR'"


@dataclass(frozen=True, kw_only=True)
class OwnServer:
    address: PostgresAddress
    programs: Path
    folder: Path  # its data

    def control(self, *words: str, **environment: str) -> None:
        """Run pg_ctl as the owner of the data; ``restart`` also starts a server that is down."""
        pg_ctl = f"{self.programs}/pg_ctl -w -D {self.folder} -l {self.folder}/log".split()
        subprocess.run(
            [*pg_ctl, *words],
            user=self.folder.owner() if os.getuid() == 0 else None,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def restart(self, mode: str, **environment: str) -> None:
        self.control("restart", "-m", mode, **environment)

    def run_by_another_clock(self) -> Path:
        """Start it again; what is written to the returned file, like +1h, is its clock's error."""
        file = self.folder / "error_of_the_clock"
        file.write_text("+0")
        shown = subprocess.run(
            ["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True
        )
        [library] = re.findall("^LD_PRELOAD=(.*)$", shown.stdout, re.MULTILINE)
        self.restart(
            "fast",
            LD_PRELOAD=library,
            FAKETIME_TIMESTAMP_FILE=str(file),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )
        return file

    def database(self, name: str) -> str:
        """Make an empty database and return its conninfo."""
        execute(self.address.conninfo("postgres"), f"CREATE DATABASE {name}")
        return self.address.conninfo(name)

    def source(self) -> str:
        conninfo = self.database("source")
        execute(conninfo, READABLE)
        return conninfo

    def target(self) -> str:
        conninfo = self.database("target")
        migrate(conninfo)
        return conninfo


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Run one whose commits are kept when it stops at once, as a target's must be."""
    with throwaway_postgres() as address:
        with psycopg.connect(address.conninfo("postgres"), autocommit=True) as connection:
            [(programs,)] = connection.execute(PROGRAMS).fetchall()
            [(folder,)] = connection.execute("SHOW data_directory").fetchall()
            connection.execute("ALTER SYSTEM SET synchronous_commit = on")
            connection.execute("ALTER SYSTEM SET full_page_writes = on")
        server = OwnServer(address=address, programs=Path(programs), folder=Path(folder))
        server.restart("fast")
        make_roles(address)
        try:
            yield server
        finally:  # nobody else knows the one that was started last
            server.control("stop", "-m", "immediate")
