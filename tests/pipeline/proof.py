"""What proves a job between the two databases of a rig."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from qupersync.application.repair import Repair
from qupersync.application.verify import Verify
from qupersync.domain.job import Job
from qupersync.domain.verdict import Verdict
from qupersync.infrastructure.postgres.copied import Copy
from qupersync.infrastructure.redshift.original import Original
from tests.pipeline.rig import Rig


def verified(
    rig: Rig, job: Job, *, repair: bool = False, original: type[Original] = Original, **order: Any
) -> Verdict:
    """Prove a job through the real use case, the real driver and a real PostgreSQL."""

    @contextmanager
    def open_original(limit_s: float) -> Iterator[Original]:
        with rig.open_source(limit_s) as source:
            yield original.of(source)

    @contextmanager
    def open_copy(job: Job) -> Iterator[Copy]:
        with rig.open_target() as target:
            yield Copy.of(job, target)

    verify = Verify(open_original=open_original, open_copy=open_copy)
    mend = Repair(verify=verify, working=lambda: nullcontext(rig.use_case()))
    return (mend if repair else verify)(job, rig.order(**order))
