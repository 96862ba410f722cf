"""A place to break things: a source, a target behind a proxy, and the program between them."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from qupersync.demo.faults import AtSql, Delay, Fault
from tests.cli.shell import Child, Done, World
from tests.faults.invariants import Invariants
from tests.faults.proxy import End, Proxy, Trap

ROOT = Path(__file__).parents[2]
LIMIT_S = 30
# Of each run in a process of its own, enforced by the kernel: more is a MemoryError, and the run
# dead. The rows here are few; a run that nothing disturbs has 135 MB (72 MB of them in use).
MOST_MEMORY = 256 * 1024 * 1024
JOBS = """\
version: 1
jobs:
  items:
    sql: SELECT id, name, changed FROM items WHERE changed >= :low AND changed < :high
    target: public.items
    key: [id]
    batch_size: 4
    load: auto
    timeout: 20s
    watermark: {column: changed, initial: 2h, overlap: 0s, lag: 0s, chunk: 1h}
"""
SOURCE = "CREATE TABLE items (id int, name text, changed timestamp)"
TARGET = (
    "CREATE TABLE items (id int PRIMARY KEY, name text CHECK (name NOT LIKE '%poison%'),"
    " changed timestamp)"
)
# Ties on a piece's end and across batches, keys that come again within a batch and across pieces,
# one row that the target refuses, and one of the future.
ROWS = """
INSERT INTO items VALUES
  (1, 'canary-row a', '2026-03-01 10:00'), (2, 'canary-row b', '2026-03-01 10:30'),
  (1, 'canary-row c', '2026-03-01 10:30'), (3, 'canary-row d', '2026-03-01 10:59:59.999999'),
  (4, 'canary-row e', '2026-03-01 10:59:59.999999'), (5, 'canary-row f', '2026-03-01 11:00'),
  (6, 'canary-row g', '2026-03-01 11:00'), (7, 'canary-row poison', '2026-03-01 11:00'),
  (2, 'canary-row h', '2026-03-01 11:00'), (8, 'canary-row i', '2026-03-01 11:00'),
  (9, 'canary-row j', '2026-03-01 11:30'), (10, 'canary-row k', '2026-03-01 12:30')
"""
EXPIRE = "UPDATE quper.qupersync_leases SET lease_expires_at = now() - interval '1 s'"
STALE = "SELECT FROM quper.qupersync_leases WHERE lease_expires_at < now()"
OTHERS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND backend_type = 'client backend' AND state <> 'idle'
"""


@dataclass(kw_only=True)
class Site(World):
    """A world whose target is reached through a proxy; the job items takes several batches.

    ``jobs`` is its file: the rows take the path that ``load`` chooses, auto the checked one.
    ``held_at`` is the fetch that a run waits for when it is held up: of the first piece there is
    one of a row, one of half a batch, a flight of two, and one that finds the end.
    """

    proxy: Proxy
    load: str = "auto"
    mutant: str = ""
    held_at: int = 6
    done: Done = field(init=False, repr=False)
    invariants: Invariants = field(init=False)

    def __post_init__(self) -> None:
        self.invariants = Invariants(self.source, self.target)
        self.shell.write_jobs(self.jobs)

    @property
    def jobs(self) -> str:
        """Return the jobs file."""
        return JOBS.replace("load: auto", f"load: {self.load}")

    def run(self, *words: str, **variables: str) -> Done:
        """Run the job inside this process, or the mutant in its own."""
        if self.mutant:
            return self.execute(*words)
        return self._judged(self.shell.type("run", "items", *words, **variables))

    def execute(self, *words: str) -> Done:
        """Run the job in a process of its own, to its end."""
        with self.running(*words) as child:
            return self.ended(child)

    @contextmanager
    def running(self, *words: str) -> Iterator[Child]:
        """Run the job in a process of its own, which does not outlive the block."""
        child = Child(
            self.command(*words),
            cwd=self.shell.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with child:
            if sys.platform == "linux":
                most = (MOST_MEMORY, resource.RLIM_INFINITY)
                resource.prlimit(child.pid, resource.RLIMIT_DATA, most)
            try:
                yield child
            finally:
                child.kill()

    def command(self, *words: str) -> list[str]:
        """Return what to type to run the job, or the mutant."""
        module = ["tests.faults.mutant", self.mutant] if self.mutant else ["qupersync"]
        return [sys.executable, "-m", *module, "run", "items", *words]

    @property
    def environment(self) -> dict[str, str]:
        """Return what the program is given, and where its tests are."""
        return os.environ | self.shell.variables | {"PYTHONPATH": str(ROOT)}  # noqa: TID251 - the rest

    def ended(self, child: Child) -> Done:
        """Wait for a run to end, and look at what it says and leaves."""
        out, err = child.communicate(timeout=LIMIT_S)
        return self._judged(Done(code=child.returncode, out=out, err=err))

    def _judged(self, done: Done) -> Done:
        self.quiet()
        self.invariants.no_secret(done.out, done.err)
        self.invariants.hold()
        return done

    def kill_at(self, looks_for: Any, count: int) -> bool:
        """Kill a run with SIGKILL at such a message; tell whether there was one."""
        trap = Trap(looks_for=looks_for, count=count, does=lambda: self._killed(child))
        self.proxy.set(trap)
        with self.running() as child:
            child.wait(LIMIT_S)
        self.quiet()
        self.invariants.hold()
        return trap.sprung.is_set()

    def _killed(self, child: Child) -> End:
        child.kill()
        child.wait(LIMIT_S)
        return End.CUT

    def quiet(self) -> None:
        """Wait until no session of a dead run is at work in the target."""
        self.until(f"SELECT WHERE NOT EXISTS ({OTHERS})")

    def until(self, query: str) -> None:
        """Wait until the target answers the query with a row."""
        end = monotonic() + LIMIT_S
        while not self.rows(query):
            assert monotonic() < end, f"in vain: {query}"

    def recovers(self) -> None:
        """Let time pass and a run come that nothing disturbs; the one after it changes nothing."""
        self.at_target(EXPIRE)
        done = self.run("-q")
        assert (done.code, done.err) == (0, ""), f"a run that nothing disturbs: {done.err}"
        self.invariants.hold_at_the_end()
        before = self.versions()
        assert self.run("-q", "--from-initial").code == 0
        assert self.versions() == before, "a run that changes nothing changed something"
        self.invariants.hold_at_the_end()

    def afresh(self) -> None:
        """Forget all that any run has done."""
        self.at_target(
            "TRUNCATE items, quper.qupersync_state, quper.qupersync_leases, quper.sync_logs,"
            " quper.sync_rejects CASCADE"
        )
        self.invariants = Invariants(self.source, self.target)

    def versions(self) -> list[Any]:
        """Return which version of each row the target has."""
        return self.rows("SELECT id, xmin::text, ctid::text FROM items ORDER BY id")

    def held_up(self, fetch: int | None = None) -> tuple[Fault, Delay]:
        """Let the next run wait at the source, outside any transaction of the target.

        Before the sixth fetch one piece of two batches is stored.
        """
        delay = Delay()
        when = AtSql("fetch", fetch or self.held_at)
        fault = self.stand_in.faults.arm(Fault(when=when, what=delay))
        return fault, delay

    def by_the_row(self) -> None:
        """Fetch row by row; before the sixth, two batches of two rows are known to be two."""
        self.shell.variables["REDSHIFT_FETCH_SIZE"] = "1"
        self.held_at = 6

    @contextmanager
    def interrupted(self, *words: str) -> Iterator[Child]:
        """Hold a run up between two pieces; it goes on when the block ends."""
        fault, delay = self.held_up()
        with self.running(*words) as child:
            assert fault.reached.wait(LIMIT_S)
            yield child
            delay.until.set()
            self.done = self.ended(child)

    def last_run(self) -> tuple[str, str]:
        """Return how the newest run ended."""
        [row] = self.rows(
            "SELECT status, coalesce(error_code, '') FROM quper.sync_logs"
            " ORDER BY started_at DESC LIMIT 1"
        )
        status, code = row
        return status, code
