"""Old rows of the run log, removed."""

from qupersync.bootstrap.app import App
from qupersync.infrastructure.postgres.prune import Ages, Prune
from qupersync.infrastructure.postgres.revision import Revision

__all__ = ["Ages", "pruned"]


def pruned(app: App, ages: Ages, *, is_dry: bool) -> dict[str, int]:
    """Return how many ``runs``, ``batches`` and ``rejects`` went, or would.

    Raises:
        PermissionDeniedError: the user does not own them.
    """
    with app.servers.database(read_only=is_dry) as session:
        Revision.of(session).require()
        return Prune(session, app.settings.sync.source, is_dry)(ages)
