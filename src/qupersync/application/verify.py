"""The proof of one job: what the ledger covers, and whether both sides hold the same rows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from qupersync.application.frontier_of import frontier_of
from qupersync.application.order import Order
from qupersync.application.retention import kept_from
from qupersync.application.run_job import NOT_ON_THIS_FLAVOR
from qupersync.application.source_look import oldest_row
from qupersync.domain.errors import QuperSyncError, UnavailableError
from qupersync.domain.frontier import Frontier
from qupersync.domain.gap import start_of
from qupersync.domain.job import Job
from qupersync.domain.likeness import Likeness
from qupersync.domain.ports import Copy, Original, State
from qupersync.domain.query import bound, counted
from qupersync.domain.verdict import Content, Difference, Verdict, since
from qupersync.domain.watermark import DAY, Point, Window, back, before, canonical, latest
from qupersync.domain.watermark_spec import WatermarkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Proves jobs one by one; reads both sides and writes nothing.

    ``open_original`` takes the job's time limit in seconds.
    """

    open_original: Callable[[float], AbstractContextManager[Original]]
    open_copy: Callable[[Job], AbstractContextManager[Copy]]

    def __call__(self, job: Job, order: Order) -> Verdict:
        """Return what is proved.

        Raises:
            UnavailableError: a server is gone. Any other error is the verdict's reason.
        """
        sql, spec = job.sql_for(order.flavor), job.watermark
        if sql is None or spec is None or not isinstance(spec.overlap, timedelta):
            return Verdict(job=job.name, reason=_why_never(job, sql), by_nature=True)
        limit_s = job.timeout.total_seconds()
        try:
            with self.open_copy(job) as copy, self.open_original(limit_s) as original:
                return _Sides(job, spec, sql, original, copy).verdict()
        except UnavailableError:
            raise
        except QuperSyncError as error:
            return Verdict(job=job.name, reason=str(error))


def _why_never(job: Job, sql: str | None) -> str:
    if sql is None:
        return NOT_ON_THIS_FLAVOR
    if job.watermark is None:
        return "it is a snapshot, which reads everything in each run"
    return "its watermark is a number, and nobody knows which numbers there are"


@dataclass(frozen=True, slots=True)
class _Sides:
    job: Job
    spec: WatermarkSpec
    sql: str
    original: Original
    copy: Copy

    def verdict(self) -> Verdict:
        name, state = self.job.name, self.copy.table.state()
        if state.watermark is None or state.misfit:
            why = f"its watermark does not fit: {state.misfit}" if state.misfit else "it never ran"
            return Verdict(job=name, reason=why)
        frontier = frontier_of(self.job, self.spec, self.copy.table, self.original, state.watermark)
        kept = kept_from(self.job, frontier.type, state.now)
        coverage = self.copy.coverage(kept)
        if coverage.low is None:
            return Verdict(job=name, reason="the run log knows no window that it read")
        oldest = oldest_row(self.job, self.sql, self.original, frontier)
        # Behind the watermark late rows may still be on their way.
        whole = Window(coverage.low, back(state.watermark, self.spec.overlap))
        windows = tuple(w for held in since(oldest, [whole]) for w in held.pieces(self.spec.chunk))
        if not windows and not coverage.holes and (why := self._why_none(whole, frontier, state)):
            return Verdict(job=name, reason=why)
        likeness = self._likeness(state.watermark)
        upto = latest(state.reached, state.watermark)
        rows, differences = self._compared(likeness, frontier, windows, upto)
        return Verdict(
            job=name,
            oldest=oldest,
            windows=windows,
            rows=rows,
            holes=coverage.holes,
            differences=differences,
            newer=self._newer(frontier, state) if differences else 0,
            left_out=likeness.left_out,
            open_rejects=self.copy.open_rejects(),
        )

    def _why_none(self, whole: Window, frontier: Frontier, state: State) -> str:
        """Say what the source should still show; empty if all that was loaded left by age."""
        newest = whole.high and self.copy.table.newest_before(whole.high)
        if newest is None or before(newest, whole.low):
            return ""
        if state.kept is not None and frontier.clock - start_of(newest) >= state.kept:
            return ""
        return (
            f"the source shows none of the rows that were loaded, up to {canonical(newest)}, "
            "though these are not old enough to be gone"
        )

    def _newer(self, frontier: Frontier, state: State) -> int:
        """Count the source's rows that no run has had a chance to read."""
        read = frontier.late(state.reached)
        if read is None or read.high is None:
            raise AssertionError("a watermark of time has been stored")
        # Also what the lag still hides: it is gone from its old window all the same.
        beyond = replace(frontier, lag=-DAY).high
        (count,) = self.original.ask(counted(bound(self.sql, Window(read.high, beyond))))
        return int(str(count))

    def _likeness(self, at: Point) -> Likeness:
        forms = self.original.forms(bound(self.sql, Window(at, at)))
        return Likeness.of(self.job, self.copy.table.columns(tuple(forms)), forms)

    def _compared(
        self, likeness: Likeness, frontier: Frontier, windows: tuple[Window, ...], upto: Point
    ) -> tuple[int, tuple[Difference, ...]]:
        rows, differences = self._contents(likeness, windows, upto)
        if differences:
            # The source may have dropped rows between the two looks.
            oldest = oldest_row(self.job, self.sql, self.original, frontier)
            still = tuple(since(oldest, [difference.window for difference in differences]))
            _, differences = self._contents(likeness, still, upto)
        return rows, differences

    def _contents(
        self, likeness: Likeness, windows: tuple[Window, ...], upto: Point
    ) -> tuple[int, tuple[Difference, ...]]:
        """Return how many rows the source holds in all the windows, and which of these differ.

        The query is bound beyond the windows, to all that was read: of a key that comes again
        after them the target holds the later row.
        """
        if not windows:
            return 0, ()
        sql, nothing = bound(self.sql, Window(windows[0].low, upto)), Content()
        source = self.original.contents(sql, likeness, windows)
        target = self.copy.contents(likeness, windows)
        sides = ((w, source.get(w, nothing), target.get(w, nothing)) for w in windows)
        differences = tuple(
            Difference(window=window, source=one, target=other)
            for window, one, other in sides
            if one != other
        )
        return sum(content.rows for content in source.values()), differences
