"""What becomes of rows that a job keeps no longer."""

from collections.abc import Iterator
from datetime import datetime

from qupersync.domain.batch import Tally
from qupersync.domain.frontier import Frontier
from qupersync.domain.job import Job
from qupersync.domain.ports import Entry, Table, Terms
from qupersync.domain.run import Run
from qupersync.domain.watermark import Point, WatermarkType, back, earliest

# As many as go in one transaction without holding others up.
DELETE_ROWS = 10_000
IDLE_LIMIT_S = 30.0


def kept_from(job: Job, kind: WatermarkType, now: datetime) -> Point | None:
    """Return the oldest point that the job keeps by the target's clock, None if it keeps all."""
    if job.retention is None:
        return None
    moment = now - job.retention
    return moment.date() if kind is WatermarkType.DATE else moment


def retired(job: Job, table: Table, frontier: Frontier, now: datetime, run: Run) -> Iterator[Run]:
    """Delete what is older than the job's retention, and yield the run after every batch.

    The last one closes the run.

    Never what the next run reads again: the overlap, and all that an open row holds back.
    """
    # The earlier of two clocks: one that is ahead would remove what is young.
    before = kept_from(job, frontier.type, min(now, frontier.clock))
    mark = run.watermark_after
    if before is None or mark is None:
        return
    before = earliest(before, back(mark, frontier.overlap))
    deleted = DELETE_ROWS
    while deleted == DELETE_ROWS:
        with table.unit(Terms(columns=job.key, idle_limit_s=IDLE_LIMIT_S)) as unit:
            deleted = unit.delete_older(before, at_most=DELETE_ROWS)
            tally = Tally(deleted=deleted)
            if deleted:
                run = run.loaded(tally)
                unit.commit(Entry(run=run, tally=tally))
            if deleted < DELETE_ROWS:
                run = unit.close(run)
        yield run
