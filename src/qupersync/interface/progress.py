"""How runs come along while they work: live lines for people, elsewhere a record a minute."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from uuid import UUID

from qupersync.bootstrap.working import Listener
from qupersync.domain.run import Run
from qupersync.interface.documents import Record

logger = logging.getLogger(__name__)
_HEARTBEAT_S = 60.0


@contextmanager
def told(
    listener: Listener, *, for_people: bool, quiet: bool, every_s: float = _HEARTBEAT_S
) -> Iterator[Listener]:
    """Tell on stderr of runs under way inside the block, if they are announced to what it yields.

    On a terminal people get a line for each run, gone at the end; what else is written to stderr
    scrolls above. Elsewhere each run is logged every ``every_s`` seconds. ``quiet`` tells nothing.
    """
    progress = Progress()
    with _telling(progress, for_people=for_people, quiet=quiet, every_s=every_s):
        yield progress.heard(listener)


def _telling(
    progress: "Progress", *, for_people: bool, quiet: bool, every_s: float
) -> AbstractContextManager[None]:
    if quiet:
        return nullcontext()
    if for_people:
        from qupersync.interface.live import Terminal, shown

        terminal = Terminal()
        if terminal.can_move:
            return shown(progress.records, terminal)
    return _heartbeat(progress, every_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The runs under way, each with the time when it began, in seconds of ``clock``."""

    clock: Callable[[], float] = monotonic
    _runs: dict[UUID, tuple[float, Run]] = field(default_factory=dict)

    def heard(self, listener: Listener) -> Listener:
        """Return what notes how runs stand, and passes on all that it is told."""

        def began(run: Run) -> None:
            self._runs[run.run_id] = (self.clock(), run)
            listener.on_begin(run)

        def stepped(run: Run) -> None:
            # One that could not begin yet waits for its next attempt too.
            known = self._runs.get(run.run_id)
            self._runs[run.run_id] = (known[0] if known else self.clock(), run)
            listener.on_step(run)

        def ended(run: Run) -> None:
            self._runs.pop(run.run_id, None)  # a run that was skipped has not begun
            listener.on_end(run)

        return Listener(on_begin=began, on_step=stepped, on_end=ended)

    def records(self) -> list[Record]:
        """Return how each run stands, in the order in which they began.

        ``rows_per_s`` is the mean since the run began; ``share``, of the window, is from 0 to 1;
        ``left_s`` is what is left if the rest takes as long. A run that waits after a failed
        ``attempt`` says for how long in ``backoff_ms``. What is not known is None.
        """
        now = self.clock()
        return [_record(run, now - began_at) for began_at, run in list(self._runs.values())]


def _record(run: Run, elapsed_s: float) -> Record:
    rows, share = run.tally.extracted, run.share
    return {
        "job": run.job,
        "run_id": run.run_id,
        "rows_extracted": rows,
        "rows_per_s": round(rows / elapsed_s, 1) if elapsed_s else 0.0,
        "share": None if share is None else round(share, 3),
        "elapsed_s": round(elapsed_s, 1),
        "left_s": int(elapsed_s / share * (1 - share)) if share else None,
        "attempt": run.attempts,
        "error_code": run.error_code or None,
        "backoff_ms": run.backoff_ms,
    }


@contextmanager
def _heartbeat(progress: Progress, every_s: float) -> Iterator[None]:
    over = Event()

    def beat() -> None:
        while not over.wait(every_s):
            for record in progress.records():
                logger.info("still running", extra=record)

    thread = Thread(target=beat, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
