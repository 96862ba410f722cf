"""One look at how far back the source still reaches, before a run reads its window."""

from qupersync.domain.errors import QueryError
from qupersync.domain.frontier import Frontier
from qupersync.domain.gap import Look
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, State, Table
from qupersync.domain.query import bound, oldest
from qupersync.domain.run import Run
from qupersync.domain.watermark import EPOCH, Point, WatermarkType, Window


def looked(  # noqa: PLR0913 - what a look needs is all of this
    job: Job, sql: str, source: Source, table: Table, frontier: Frontier, state: State, run: Run
) -> Run:
    """Return the run, with a warning if the source dropped rows before they were read.

    A gap is remembered before anything is loaded: the watermark is about to pass it.
    """
    if frontier.type is WatermarkType.BIGINT:
        return run
    try:
        point = oldest_row(job, sql, source, frontier)
    except QueryError as error:
        return run.warned(f"the source's oldest row is not known: {error}")
    look = Look(clock=frontier.clock, oldest=point, kept=state.kept)
    gap, stored = None, state.watermark
    if stored is not None and frontier.high is not None and not look.reaches(stored):
        gap = look.gap(stored, table.newest_before(stored), frontier.high)
    table.note_look(look.now_kept, gap)
    return run if gap is None else run.warned(gap.warning(job.name))


def oldest_row(job: Job, sql: str, source: Source, frontier: Frontier) -> Point | None:
    """Return the oldest watermark value below ``frontier.high`` at the source, None without rows.

    Raises:
        QueryError: the source cannot wrap the job's query.
    """
    if job.watermark is None:
        raise AssertionError("only an incremental job has a watermark")
    name = job.watermark.column
    spec = job.columns.get(name)
    all_of_it = Window(EPOCH[frontier.type], frontier.high)
    (text,) = source.ask(oldest(bound(sql, all_of_it), spec.source or name if spec else name))
    return None if text is None else frontier.type.read(str(text))
