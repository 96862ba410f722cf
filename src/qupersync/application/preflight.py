"""What is found out once, before any job runs."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from qupersync.application.order import Order
from qupersync.domain.errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    ResourceError,
    SourceUnavailableError,
    TimeLimitError,
)
from qupersync.domain.job import Flavor, Job
from qupersync.domain.ports import Source, Target

PROBE_LIMIT_S = 30.0
CLOSED = (
    SourceUnavailableError,
    LoginRefusedError,
    PermissionDeniedError,
    ResourceError,
    TimeLimitError,
    QueryError,
    ConflictError,
)


def checked(
    order: Order,
    jobs: Sequence[Job],
    open_target: Callable[[], AbstractContextManager[Target]],
    open_source: Callable[[float], AbstractContextManager[Source]],
    flavor: Flavor | None,
) -> Order:
    """Return the order with the source's flavor, or with the reason why the source is closed.

    Raises:
        QuperSyncError: the target is not reachable, or not ready; nothing can be recorded.
    """
    with open_target() as target:
        target.require_ready(jobs)
    try:
        with open_source(PROBE_LIMIT_S) as source:
            return replace(order, flavor=flavor or source.flavor())
    except CLOSED as error:
        return replace(order, refusal=error)
