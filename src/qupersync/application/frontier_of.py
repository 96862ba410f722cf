"""Where a job's frontier is now: its settings, its watermark and the source's clock, together."""

from qupersync.domain.errors import TargetMismatchError
from qupersync.domain.frontier import Frontier
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, Table
from qupersync.domain.watermark import Point, WatermarkType
from qupersync.domain.watermark_spec import WatermarkSpec, watermark_problems


def frontier_of(
    job: Job, spec: WatermarkSpec, table: Table, source: Source, stored: Point | None
) -> Frontier:
    """Return the frontier as of now, by the source's own clock.

    Raises:
        TargetMismatchError: the target's columns cannot carry the job's watermark.
    """
    columns = job.columns or table.columns(())
    if problems := list(watermark_problems(spec, columns)):
        raise TargetMismatchError(f"{job.target} does not fit: {'; '.join(problems)}")
    kind = WatermarkType(str(columns[spec.column].type))
    return Frontier(
        type=kind,
        stored=stored,
        clock=source.clock(),
        initial=spec.initial_for(kind),
        overlap=spec.overlap,
        lag=spec.lag,
    )
