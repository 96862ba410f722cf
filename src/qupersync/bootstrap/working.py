"""What runs jobs: the use case with its adapters, a heartbeat beside it, and an ear for signals."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import SystemRandom
from uuid import UUID, uuid4

from qupersync.application.run_job import RunJob
from qupersync.bootstrap.machine import now
from qupersync.bootstrap.servers import Servers
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run
from qupersync.infrastructure.logs import in_pass
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.signals import Stop, stopping_on_signals

OnRun = Callable[[Run], None]


def unheard(_run: Run) -> None:
    """Nobody asked to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told of runs: as one begins, after each of its batches, and when it has ended.

    A step is also when an attempt has failed and the run waits for the next. All but the last are
    called in the thread of the job, the last one in that of the pass.
    """

    on_begin: OnRun = unheard
    on_step: OnRun = unheard
    on_end: OnRun = unheard


@contextmanager
def working(servers: Servers, listener: Listener, pass_id: UUID) -> Iterator[tuple[RunJob, Stop]]:
    """Yield what runs a job, and the wish to stop that signals make known to it.

    All that is logged meanwhile, and all connections, bear the id of the pass.
    """
    # All that was imported stays: garbage is to be found before it has the size of a batch.
    gc.freeze()
    gc.set_threshold(10_000)
    # The thread that reads keeps the others, who only want to send on, waiting for so long: with
    # Python's 5 ms, 200,000 rows of 60 columns took a twelfth longer.
    sys.setswitchinterval(0.0005)
    stop = Stop()
    servers = replace(servers, pass_id=pass_id, stop=stop)

    @contextmanager
    def leaving() -> Iterator[Target]:
        """Open a target that is not waited for once somebody wants to stop."""
        with servers.target() as target, stop.interrupting(target.leave):
            yield target

    with in_pass(pass_id), servers.heartbeat() as heartbeat, stopping_on_signals(stop):
        run_job = RunJob(
            open_source=servers.source,
            open_target=leaving,
            heartbeat=heartbeat,
            clock=now,
            new_id=uuid4,
            stop=stop,
            retry=Retry(tries=servers.settings.sync.retries),
            chance=SystemRandom().random,
            on_begin=listener.on_begin,
            on_step=listener.on_step,
        )
        yield run_job, stop
