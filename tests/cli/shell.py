"""A user's shell: a folder with a jobs file, variables, and the program to type."""

import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from typing import Any

import psycopg
import pyte
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from qupersync.demo.standin import StandIn
from qupersync.interface.cli import app

TABLE = "CREATE TABLE items (id int PRIMARY KEY, name text)"
CLOCK = "CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT localtimestamp'"
# Whoever makes tables; the program is quper_writer else.
MIGRATOR = {"POSTGRES_USER": "quper_migrator"}
MAY_LOAD = "GRANT SELECT, INSERT, UPDATE, DELETE ON items TO quper_writer"
JOBS = """\
version: 1
jobs:
  items:
    tags: [things]
    sql: SELECT id, name FROM items
    target: public.items
    key: [id]
    mode: snapshot
  broken:
    sql: SELECT id, nothing FROM items
    target: public.others
    key: [id]
    mode: snapshot
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]


class Child(subprocess.Popen[str]):
    """A process that does not outlive a wait for it that timed out."""

    def wait(self, timeout: float | None = None) -> int:
        with self._killed_in_time():
            return super().wait(timeout)

    def communicate(
        self,
        input: str | None = None,  # noqa: A002 - inherited
        timeout: float | None = None,
    ) -> tuple[str, str]:
        with self._killed_in_time():
            return super().communicate(input, timeout)

    @contextmanager
    def _killed_in_time(self) -> Iterator[None]:
        try:
            yield
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass(kw_only=True)
class Shell:
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def write_jobs(self, text: str = JOBS) -> None:
        (self.folder / "jobs.yaml").write_text(text)

    def type(self, *words: str, **variables: str) -> Done:
        """Run the program inside this process."""
        jobs = str(self.folder / "jobs.yaml")
        done = CliRunner().invoke(app, ["-f", jobs, *words], env=self.variables | variables)
        return Done(code=done.exit_code, out=done.stdout, err=done.stderr)

    def start(self, *words: str, **options: Any) -> Child:
        """Start the program as a process of its own."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return Child(
            [sys.executable, "-m", "qupersync", *words],
            cwd=self.folder,
            env=os.environ | self.variables,  # noqa: TID251 - a child needs the rest of it
            **options,
        )

    def execute(self, *words: str) -> Done:
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return Done(code=process.returncode, out=out, err=err)

    def on_a_terminal(
        self, *words: str, columns: int, meanwhile: Callable[[str], object] = len
    ) -> str:
        """Run the program on a terminal and return all that it shows.

        ``meanwhile`` is given all that it has shown so far, whenever that is more.
        """
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.variables["COLUMNS"] = str(columns)  # pytest-xdist sets it for its own terminal
        process = self.start(*words, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
                meanwhile(shown.decode(errors="ignore"))
        except OSError:  # Linux says so when the last writer is gone
            pass
        os.close(ours)
        process.wait(timeout=60)
        return shown.decode().replace("\r\n", "\n")


def seen(shown: str, columns: int) -> list[str]:
    """Return the lines that a terminal has on its screen once it was sent all of this."""
    screen = pyte.Screen(columns, 50)
    pyte.Stream(screen).feed(shown.replace("\n", "\r\n"))
    return "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")


@dataclass(kw_only=True)
class World:
    """A shell with a source and a target to work on, and both by conninfo."""

    shell: Shell
    source: str
    target: str
    stand_in: StandIn

    def at_source(self, *statements: str) -> None:
        _execute(self.source, statements)

    def at_target(self, *statements: str) -> None:
        _execute(self.target, statements)

    def rows(self, query: str) -> list[Any]:
        """What the target answers."""
        with psycopg.connect(self.target) as connection:
            return connection.execute(query.encode()).fetchall()


def variables(stand_in: StandIn, source: str, target: str) -> dict[str, str]:
    database = conninfo_to_dict(target)
    known: Mapping[str, object] = {
        "REDSHIFT_HOST": stand_in.host,
        "REDSHIFT_PORT": stand_in.port,
        "REDSHIFT_DB": conninfo_to_dict(source)["dbname"],
        "REDSHIFT_USER": stand_in.user,
        "REDSHIFT_PASSWORD": stand_in.password,
        "REDSHIFT_SSLMODE": "disable",
        "REDSHIFT_FLAVOR": "provisioned",
        "POSTGRES_HOST": database["host"],
        "POSTGRES_PORT": database["port"],
        "POSTGRES_DB": database["dbname"],
        "POSTGRES_USER": database["user"],
        "POSTGRES_PASSWORD": database.get("password") or "",
    }
    return {name: str(value) for name, value in known.items()}


def _execute(conninfo: str, statements: tuple[str, ...]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
