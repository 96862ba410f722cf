"""The command verify, plugged together: who looks at both sides, and who repairs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qupersync.application.repair import Repair
from qupersync.application.run_job import RunJob
from qupersync.application.verify import Verify
from qupersync.bootstrap.app import App
from qupersync.bootstrap.orders import ready
from qupersync.bootstrap.servers import Servers
from qupersync.bootstrap.working import Listener, working
from qupersync.domain.job import Job
from qupersync.domain.run import Trigger
from qupersync.domain.verdict import Verdict
from qupersync.infrastructure.postgres.copied import Copy
from qupersync.infrastructure.redshift.original import Original
from qupersync.infrastructure.signals import Stop


def verified(
    app: App, names: Sequence[str], *, repair: bool, listener: Listener
) -> tuple[list[Verdict], int]:
    """Return the verdict of each selected job, and the number of a signal that ended it, or 0.

    ``listener`` is told of the runs of a repair as they begin and wait.

    Raises:
        QuperSyncError: nothing was tried, or a server is gone.
    """
    jobs = app.selected(names)
    order, servers = ready(app, jobs, Trigger.VERIFY), app.servers
    verify = Verify(
        open_original=lambda limit_s: _original(servers, limit_s),
        open_copy=lambda job: _copy(servers, job),
    )
    if not repair:
        return [verify(job, order) for job in jobs], 0
    # Signals end the proof at once, as it writes nothing, but a repair in order.
    stop = Stop()

    @contextmanager
    def at_work() -> Iterator[RunJob]:
        nonlocal stop
        with working(servers, listener, order.correlation_id) as (run_job, stop):
            yield run_job

    mend = Repair(verify=verify, working=at_work)
    return [mend(job, order) for job in jobs if not stop.is_requested()], stop.signal


@contextmanager
def _original(servers: Servers, limit_s: float) -> Iterator[Original]:
    with servers.source(limit_s) as source:
        yield Original.of(source)


@contextmanager
def _copy(servers: Servers, job: Job) -> Iterator[Copy]:
    with servers.target() as target:
        yield Copy.of(job, target)
