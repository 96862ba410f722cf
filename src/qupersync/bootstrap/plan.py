"""Plans of the next runs: both servers opened so that nothing can be written."""

from collections.abc import Iterator
from functools import partial

from qupersync.application.order import Order
from qupersync.application.plan import Planner
from qupersync.application.preflight import checked
from qupersync.bootstrap.app import App
from qupersync.bootstrap.passes import RunOptions
from qupersync.domain.plan import Plan


def plans(app: App, options: RunOptions, *, counts: bool) -> Iterator[Plan]:
    """Yield the plan of each selected job, in the file's order; nothing is written anywhere.

    With ``counts`` the source is asked how many rows there are to read.

    Raises:
        QuperSyncError: a run would try nothing: selection, configuration, target not ready,
            source not open.
    """
    jobs = app.selected(options.names, options.tags, options.exclude)
    app.settings.require(app.settings.redshift, app.settings.postgres)
    servers = app.servers
    open_target = partial(servers.target, read_only=True)
    order = checked(_order(app, options), jobs, open_target, servers.source, servers.flavor)
    if order.refusal is not None:
        raise order.refusal
    planner = Planner(open_source=servers.source, open_target=open_target, counts=counts)
    yield from (planner(job, order) for job in jobs)


def _order(app: App, options: RunOptions) -> Order:
    return Order(
        source=app.settings.sync.source,
        trigger=options.asked_by,
        correlation_id=options.pass_id,
        batch_rows=options.batch_rows or app.settings.sync.batch_size,
        from_initial=options.from_initial,
    )
