"""What `qupersync demo` shows: a user's first commands, on servers that vanish afterwards."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe
from types import FrameType

import psycopg

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import Flavor, build_warehouse

# A real cluster in the user's environment must not be what the demo works on.
FOREIGN_SETTINGS = ("AWS_", "PG", "POSTGRES_", "QUPERSYNC_", "REDSHIFT_", "SYNC_")
COMMANDS = (("db", "upgrade"), ("run", "--all"), ("run", "--all"), ("status",))
SOURCE, TARGET = "warehouse", "quper"
NEW_DATABASES = ("CREATE DATABASE warehouse", "CREATE DATABASE quper")
NEWEST_RUNS = """
SELECT sum(rows_extracted), sum(rows_inserted + rows_updated + rows_deleted)
  FROM quper.sync_runs_v1
 GROUP BY correlation_id ORDER BY min(started_at) DESC LIMIT 1
"""
# What ends a program from outside; the platform may lack the closed terminal.
ENDINGS = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
WHERE_NEXT = """
These servers are gone now. With your own:
  1. qupersync init, and write into .env where they are
  2. qupersync doctor && qupersync db upgrade && qupersync run --all
  3. Let cron run it: init has written crontab.example.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Tells the story; ``say`` shows a text, and the commands write to this process's streams."""

    say: Callable[[str], None]
    environ: Mapping[str, str]
    jobs_file: Path
    flavor: Flavor
    rows: int
    seed: int
    clock: Callable[[], datetime]

    def __call__(self) -> bool:
        """Return whether every command succeeded; whatever happens, the servers are ended."""
        self.say(f"Starting a PostgreSQL and a stand-in for a {self.flavor} Redshift.\n")
        with (
            _ending_in_order(),
            tempfile.TemporaryDirectory(prefix="qupersync-") as home,
            throwaway_postgres() as postgres,
        ):
            self._build(postgres)
            with StandIn(upstream=postgres, password=token_urlsafe()) as redshift:
                self._configure(Path(home), postgres, redshift)
                succeeded = all(self._typed(command, Path(home)) for command in COMMANDS)
            if succeeded:
                self._count(postgres)
        self.say(WHERE_NEXT if succeeded else "\nThe demo failed.\n")
        return succeeded

    def _build(self, postgres: PostgresAddress) -> None:
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
            for statement in NEW_DATABASES:
                connection.execute(statement)
        with psycopg.connect(postgres.conninfo(SOURCE)) as connection:
            build_warehouse(
                connection, flavor=self.flavor, rows=self.rows, seed=self.seed, now=self.clock()
            )

    def _configure(self, home: Path, postgres: PostgresAddress, redshift: StandIn) -> None:
        shutil.copy(self.jobs_file, home / "jobs.yaml")
        variables = {
            "REDSHIFT_HOST": redshift.host,
            "REDSHIFT_PORT": redshift.port,
            "REDSHIFT_DB": SOURCE,
            "REDSHIFT_USER": redshift.user,
            "REDSHIFT_PASSWORD": redshift.password,
            "REDSHIFT_SSLMODE": "disable",
            "POSTGRES_HOST": postgres.host,
            "POSTGRES_PORT": postgres.port,
            "POSTGRES_DB": TARGET,
            "POSTGRES_USER": postgres.user,
            "POSTGRES_PASSWORD": postgres.password or "",
        }
        env_file = home / ".env"
        env_file.touch(mode=0o600)
        env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    def _typed(self, command: tuple[str, ...], home: Path) -> bool:
        self.say(f"\n$ qupersync {' '.join(command)}\n")
        environ = {
            name: value
            for name, value in self.environ.items()
            if not name.startswith(FOREIGN_SETTINGS)
        }
        program = (sys.executable, "-m", "qupersync", *command)
        done = subprocess.run(program, cwd=home, env=environ, check=False)  # noqa: S603 - our words
        return done.returncode == 0

    def _count(self, postgres: PostgresAddress) -> None:
        with psycopg.connect(postgres.conninfo(TARGET)) as connection:
            [(read, written)] = connection.execute(NEWEST_RUNS).fetchall()
        wrote = f"wrote {written:,}" if written else "wrote nothing: none of them had changed"
        self.say(f"\nThe second run read {read:,} rows and {wrote}.\n")


@contextmanager
def _ending_in_order() -> Iterator[None]:
    def end(number: int, _frame: FrameType | None) -> None:
        for each in before:  # a closing terminal sends several, and one would cut the clean-up
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    # What is ignored stays so: nohup means it.
    handled = [each for each in ENDINGS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, end) for each in handled}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
