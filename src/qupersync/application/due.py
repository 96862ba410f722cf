"""What a job's next run goes on from, and what it reads: the same for a run and for a plan."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qupersync.application.frontier_of import frontier_of
from qupersync.application.order import Order
from qupersync.domain.errors import StateMissingError
from qupersync.domain.frontier import Frontier, Joint
from qupersync.domain.job import Job
from qupersync.domain.ports import Source, State, Table
from qupersync.domain.watermark import Window
from qupersync.domain.watermark_spec import WatermarkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What an incremental job reads next; without ``state.watermark`` it begins anew."""

    spec: WatermarkSpec
    state: State
    frontier: Frontier
    window: Window

    @classmethod
    def of(cls, job: Job, order: Order, table: Table, source: Source) -> "Due":
        """Find out by what the target remembers and by the source's clock; nothing is written.

        Raises:
            StateMissingError: the watermark is missing or of something else, so that nobody
                knows what the target lacks.
            TargetMismatchError: the target's columns cannot carry the job's watermark.
        """
        if job.watermark is None:
            raise AssertionError("an incremental job has a watermark")
        state = _state(job, order, table)
        frontier = frontier_of(job, job.watermark, table, source, state.watermark)
        window = order.window
        if window is None:
            window = frontier.from_initial() if order.from_initial else frontier.window()
        return cls(spec=job.watermark, state=state, frontier=frontier, window=window)

    def pieces(self, order: Order) -> Iterator[Window]:
        """Yield the parts that commit a watermark of their own, the oldest first."""
        return iter([self.window]) if order.is_whole else self.window.pieces(self.spec.chunk)

    def joint(self, order: Order) -> Joint | None:
        """Return what the window joins, unless somebody has set the watermark since."""
        return None if self.state.is_corrected else order.joint

    def late(self, order: Order) -> Window | None:
        """Return where a new row is measured as a late one, None if it is nowhere."""
        # Behind a watermark that somebody set, no run has looked: what is new there is not late.
        if order.window is not None or self.state.is_corrected:
            return None
        return self.frontier.late(self.state.reached)


def _state(job: Job, order: Order, table: Table) -> State:
    state = table.state()
    misfit = f"its watermark does not fit: {state.misfit}" if state.misfit else ""
    is_new = state.is_new and not state.is_corrected
    if state.watermark is None and is_new and not table.is_empty():
        misfit = f"{job.target} holds rows, but there is no watermark"
    if misfit and not order.from_initial:
        raise StateMissingError(
            f"job {job.name} cannot go on: {misfit}",
            hint=f"qupersync run {job.name} --from-initial, or if nothing older is wanted: "
            f"qupersync watermark set {job.name} TIME",
        )
    if state.misfit or state.watermark is None:
        return replace(state, watermark=None, reached=None)
    return state
