"""The order of a pass over jobs whose servers both answer."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from qupersync.application.order import Order
from qupersync.application.preflight import checked
from qupersync.bootstrap.app import App
from qupersync.domain.job import Job
from qupersync.domain.run import Trigger


def ready(
    app: App,
    jobs: Sequence[Job],
    trigger: Trigger,
    pass_id: UUID | None = None,
    batch_rows: int | None = None,
) -> Order:
    """Return the order for these jobs; nothing was tried yet.

    Raises:
        QuperSyncError: the settings lack something, or a server is closed or not ready.
    """
    app.prepare()
    order = Order(
        source=app.settings.sync.source,
        trigger=trigger,
        correlation_id=pass_id or uuid4(),
        batch_rows=batch_rows or app.settings.sync.batch_size,
    )
    servers = app.servers
    order = checked(order, jobs, servers.target, servers.source, servers.flavor)
    if order.refusal is not None:
        raise order.refusal
    return order
