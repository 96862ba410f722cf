"""One look at how far back the source still reaches, before a run reads its window."""

from collections.abc import Iterator
from dataclasses import dataclass

from qupersync.domain.errors import QueryError, TimeLimitError
from qupersync.domain.frontier import Frontier
from qupersync.domain.gap import Gap, Look
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, State, Table
from qupersync.domain.query import bound, oldest
from qupersync.domain.watermark import EPOCH, Point, Window, before, latest

# Of the job's time: the look must not take what the window needs.
SHARE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a look has found; a gap is remembered already, for the watermark is about to pass it."""

    job: Job
    sql: str
    source: Source
    table: Table
    frontier: Frontier
    stored: Point | None
    high: Point
    look: Look

    def note_kept(self) -> None:
        """Remember how long rows stay, once the window is stored."""
        gone = None
        if self.look.shows_less:
            gone = self.table.newest_before(self.look.oldest or self.high)
        self.table.note_look(self.look.now_kept(gone, self.stored), None)

    def look_again(self, read_until: Point | None) -> tuple[Gap | None, tuple[str, ...]]:
        """Return what the source dropped since and nobody had read, and warnings.

        All before ``read_until`` was read before that, nothing if it is None.
        """
        if self.look.oldest is None:
            return None, ()
        seen = latest(read_until, self.look.oldest)
        try:
            now = oldest_in_time(self.job, self.sql, self.source, self.frontier)
        except QueryError as error:
            return None, (_unknown(error),)
        low, high = latest(self.stored, seen), now or self.high
        if not before(low, high):
            return None, ()
        gap = Gap(low, high)
        return gap, (gap.warning(self.job.name),)


def looked(
    job: Job, sql: str, source: Source, table: Table, frontier: Frontier, state: State
) -> tuple[Sighting | None, tuple[str, ...]]:
    """Look at the source before its window is read; return what was seen, and warnings."""
    # What is lost may reach into the lag, and the next run sees no sign of that any more.
    frontier = frontier.unlagged
    stored, high = state.watermark, frontier.high
    if high is None or (stored is not None and not before(stored, high)):
        return None, ()  # a number, or a clock that went back: what is newer is hidden
    try:
        look, gap = look_and_gap(job, sql, source, table, frontier, state)
    except QueryError as error:
        return None, (_unknown(error),)
    if gap is not None:
        table.note_look(None, gap)
    sighting = Sighting(
        job=job,
        sql=sql,
        source=source,
        table=table,
        frontier=frontier,
        stored=stored,
        high=high,
        look=look,
    )
    return sighting, (gap.warning(job.name),) if gap is not None and gap.young is None else ()


def settled(
    job: Job, table: Table, sighting: Sighting | None, dropped: Gap | None
) -> Iterator[str]:
    """Judge what was seen, once all pieces are stored, and yield the warnings of gaps.

    ``dropped`` is the one that the second look has found, and is remembered.

    A row that was stamped anew has left its old place in the target by now: what it had left
    at the source is no gap. A gap that a run left open when it died is judged here too.
    """
    if dropped is not None:
        table.note_look(None, dropped)
    if sighting is not None:
        sighting.note_kept()
    for gap in table.unsettled_gaps():
        is_gap = gap.is_borne_out_by(table.newest_before(gap.low))
        table.settle(gap, is_gap=is_gap)
        if is_gap:
            yield gap.warning(job.name)


def look_and_gap(
    job: Job, sql: str, source: Source, table: Table, frontier: Frontier, state: State
) -> tuple[Look, Gap | None]:
    """Return what the source still holds, and the span that it dropped before it was read.

    Raises:
        QueryError: the source cannot wrap the job's query, or took too long.
    """
    point = oldest_in_time(job, sql, source, frontier)
    look = Look(clock=frontier.clock, oldest=point, kept=state.kept)
    stored = state.watermark
    if stored is None or frontier.high is None or look.reaches(stored):
        return look, None
    newest = table.newest_before(stored)
    if newest is not None and state.lost_until is not None and before(newest, state.lost_until):
        newest = None  # the gap that it left with is noted already
    return look, look.gap(stored, newest, frontier.high)


def oldest_in_time(job: Job, sql: str, source: Source, frontier: Frontier) -> Point | None:
    """Return what ``oldest_row`` does, within a share of the job's time.

    Raises:
        QueryError: the source cannot wrap the job's query, or took too long.
    """
    limit_s = job.timeout.total_seconds() / SHARE
    try:
        return oldest_row(job, sql, source, frontier, limit_s=limit_s)
    except TimeLimitError as error:
        raise QueryError(f"it was not found within {limit_s:g} s, 1/{SHARE} of timeout") from error


def oldest_row(
    job: Job, sql: str, source: Source, frontier: Frontier, *, limit_s: float | None = None
) -> Point | None:
    """Return the oldest watermark value below ``frontier.high`` at the source, None without rows.

    Raises:
        QueryError: the source cannot wrap the job's query.
        TimeLimitError: it took longer than ``limit_s`` seconds, or than the job may take.
    """
    if job.watermark is None:
        raise AssertionError("only an incremental job has a watermark")
    name = job.watermark.column
    spec = job.columns.get(name)
    all_of_it = Window(EPOCH[frontier.type], frontier.high)
    column = spec.source or name if spec else name
    query = oldest(bound(sql, all_of_it), column, frontier.type, all_of_it)
    (text,) = source.ask(query, limit_s=limit_s)
    try:
        return None if text is None else frontier.type.parse(str(text))
    except ValueError as error:
        raise QueryError(f"{text!r} is no {frontier.type}") from error


def _unknown(error: QueryError) -> str:
    return f"the source's oldest row is not known: {error}"
