"""A storm: pgbench changes the source, runs come one after the other, and are killed at random."""

import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psycopg
from psycopg.conninfo import conninfo_to_dict

from qupersync.demo.postgres import throwaway_postgres
from qupersync.demo.standin import StandIn
from qupersync.infrastructure.postgres.migrations import upgrade
from tests.cli.shell import Shell, World, variables

JOBS = """\
version: 1
jobs:
  accounts:
    sql: SELECT id, balance, changed FROM accounts WHERE changed >= :low AND changed < :high
    target: public.accounts
    key: [id]
    batch_size: 200
    watermark: {column: changed, initial: 1d, overlap: 10s, lag: 0s}
"""
TABLE = "CREATE TABLE accounts (id int PRIMARY KEY, balance int, changed timestamp)"
CLOCK = "CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS 'SELECT localtimestamp'"
FILL = "INSERT INTO accounts SELECT n, 0, localtimestamp FROM generate_series(1, 2000) AS n"
CHANGE = """\
\\set id random(1, 4000)
INSERT INTO accounts VALUES (:id, 1, clock_timestamp()::timestamp)
ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + 1, changed = excluded.changed;
"""
EXPIRE = "UPDATE quper.qupersync_leases SET lease_expires_at = now() - interval '1 s'"
ALL = "SELECT id, balance, changed FROM accounts ORDER BY id"


@dataclass
class Figures:
    runs: int = 0
    killed: int = 0
    failed: int = 0
    lasts_s: float = 3


def main(minutes: float) -> int:
    with throwaway_postgres() as server, tempfile.TemporaryDirectory() as folder:
        for name in ("source", "target"):
            with psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}".encode())
        source, target = server.conninfo("source"), server.conninfo("target")
        upgrade(target)
        with StandIn(upstream=server) as stand_in:
            shell = Shell(folder=Path(folder), variables=variables(stand_in, source, target))
            shell.write_jobs(JOBS)
            world = World(shell=shell, source=source, target=target, stand_in=stand_in)
            world.at_source(CLOCK, TABLE, FILL)
            world.at_target(TABLE)
            return _told(world, minutes, _storm(world, minutes))


def _storm(world: World, minutes: float) -> Figures:
    figures, end = Figures(), monotonic() + 60 * minutes
    script = world.shell.folder / "change.sql"
    script.write_text(CHANGE)
    where = "-h {host} -p {port} -U {user} {dbname}".format_map(conninfo_to_dict(world.source))
    with subprocess.Popen(
        [*f"pgbench -n -c 2 -R 100 -T {60 * minutes:.0f} -f {script}".split(), *where.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        while monotonic() < end:
            _run(world, figures)
    return figures


def _run(world: World, figures: Figures) -> None:
    world.at_target(EXPIRE)  # of who was killed before
    figures.runs += 1
    begin = monotonic()
    with world.shell.start("run", "accounts", "-q", stdout=None, stderr=None) as child:
        try:
            # Every other one may end; these tell how long one lasts on this machine.
            patience = random.uniform(0.3, 1.2) * figures.lasts_s if figures.runs % 2 else 60  # noqa: S311
            figures.failed += subprocess.Popen.wait(child, patience) != 0
            figures.lasts_s = monotonic() - begin
        except subprocess.TimeoutExpired:
            child.kill()
            figures.killed += 1


def _told(world: World, minutes: float, figures: Figures) -> int:
    world.at_target(EXPIRE)
    last = world.shell.execute("run", "accounts")
    with psycopg.connect(world.source) as source, psycopg.connect(world.target) as target:
        here, there = (
            source.execute(ALL.encode()).fetchall(),
            target.execute(ALL.encode()).fetchall(),
        )
        ledger = target.execute(
            b"SELECT count(*), max(batch_seq), count(DISTINCT fence) FROM quper.sync_batches"
        ).fetchone()
        changes = sum(row[1] for row in here)
    is_equal = here == there
    print(  # noqa: T201
        f"{minutes:g} minutes: {figures.runs} runs, {figures.killed} killed, {figures.failed} ended"
        f" with an error, {changes} changes, {len(here)} rows; (batches, last number, holders):"
        f" {ledger}; equal after quiet: {is_equal and last.code == 0}"
    )
    return not (is_equal and last.code == 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
