"""One look at how far back the source still reaches, before a run reads its window."""

from collections.abc import Iterator
from dataclasses import dataclass

from qupersync.domain.errors import QueryError
from qupersync.domain.frontier import Frontier
from qupersync.domain.gap import Gap, Look
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, State, Table
from qupersync.domain.query import bound, oldest
from qupersync.domain.watermark import EPOCH, Point, Window, before


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a look has found; a gap is remembered already, for the watermark is about to pass it."""

    job: Job
    table: Table
    look: Look
    gap: Gap | None

    def settled(self) -> Iterator[str]:
        """Remember the look once the window is stored, and yield the warning of a gap.

        A row that was stamped anew has left its old place in the target by now: what it had left
        at the source is no gap.
        """
        gap = self.gap
        if gap is not None and not gap.by_age:
            loaded = self.table.newest_before(gap.low)
            if not self.look.left_early(loaded):
                self.table.withdraw(gap)
                gap = None
        self.table.note_look(self.look.now_kept, None)
        if gap is not None:
            yield gap.warning(self.job.name)


def looked(
    job: Job, sql: str, source: Source, table: Table, frontier: Frontier, state: State
) -> tuple[Sighting | None, tuple[str, ...]]:
    """Look at the source before its window is read; return what was seen, and warnings."""
    stored = state.watermark
    if frontier.high is None or (stored is not None and not before(stored, frontier.high)):
        return None, ()  # a number, or a clock that went back: what is newer is hidden
    try:
        look, gap = look_and_gap(job, sql, source, table, frontier, state)
    except QueryError as error:
        return None, (f"the source's oldest row is not known: {error}",)
    if gap is not None:
        table.note_look(None, gap)
    warnings = (gap.warning(job.name),) if gap is not None and gap.by_age else ()
    return Sighting(job=job, table=table, look=look, gap=gap), warnings


def look_and_gap(
    job: Job, sql: str, source: Source, table: Table, frontier: Frontier, state: State
) -> tuple[Look, Gap | None]:
    """Return what the source still holds, and the span that it dropped before it was read.

    Raises:
        QueryError: the source cannot wrap the job's query.
    """
    point = oldest_row(job, sql, source, frontier)
    look = Look(clock=frontier.clock, oldest=point, kept=state.kept)
    stored = state.watermark
    if stored is None or frontier.high is None or look.reaches(stored):
        return look, None
    newest = table.newest_before(stored)
    if newest is not None and state.lost_until is not None and before(newest, state.lost_until):
        newest = None  # the gap that it left with is noted already
    return look, look.gap(stored, newest, frontier.high)


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
