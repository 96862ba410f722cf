"""What runs jobs: the use case with its adapters, a heartbeat beside it, and an ear for signals."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from qupersync.application.run_job import RunJob
from qupersync.bootstrap.machine import now
from qupersync.bootstrap.servers import Servers
from qupersync.domain.run import Run
from qupersync.infrastructure.signals import Stop, stopping_on_signals


@contextmanager
def working(servers: Servers, on_begin: Callable[[Run], None]) -> Iterator[tuple[RunJob, Stop]]:
    """Yield what runs a job, and the wish to stop that signals make known to it.

    ``on_begin`` is called in the thread of each job that is claimed.
    """
    stop = Stop()
    with servers.heartbeat() as heartbeat, stopping_on_signals(stop):
        run_job = RunJob(
            open_source=servers.source,
            open_target=servers.target,
            heartbeat=heartbeat,
            clock=now,
            new_id=uuid4,
            stop=stop,
            on_begin=on_begin,
        )
        yield run_job, stop
