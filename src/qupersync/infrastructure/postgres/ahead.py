"""Batches on their way: the next is copied meanwhile, and written while one is committed."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol, Self

from qupersync.domain.batch import Reject
from qupersync.domain.errors import QuperSyncError, StoppedError
from qupersync.domain.ports import Table, Terms
from qupersync.domain.ports import Unit as AnyUnit
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.raw_load import RawLoad
from qupersync.infrastructure.postgres.session import Session
from qupersync.infrastructure.postgres.unit import Unit

logger = logging.getLogger(__name__)


class Writer(Table, Protocol):
    """A table over one of its connections."""

    session: Session
    raw_load: RawLoad

    def unfenced(self, terms: Terms) -> AbstractContextManager[Unit]:
        """Open a unit that may only stage until its fence."""


@dataclass(slots=True)
class Spare:
    """A second connection to the target, opened when it is first of use.

    A server that has none left costs the speed, not the run.
    """

    open: Callable[[], AbstractContextManager[Session]]
    sessions: list[Session] = field(default_factory=list, init=False)
    is_tried: bool = field(default=False, init=False)
    _held: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._held.close()

    def opened(self) -> Sequence[Session]:
        """Return the connection, none if there can be none."""
        if not self.is_tried:
            self.is_tried = True
            try:
                self.sessions.append(self._held.enter_context(self.open()))
            except QuperSyncError as error:
                facts = {"error_code": error.code, "error": str(error)}
                logger.info("no second connection to the target: slower", extra=facts)
        return self.sessions


@dataclass(slots=True, kw_only=True)
class Staged:
    """Keeps the promises of ``ports.Staged``."""

    table: Writer
    block: Block
    terms: Terms
    _ready: Future[None] | None = field(default=None, init=False)
    _staged: Unit | None = field(default=None, init=False)
    _turn: Event = field(default_factory=Event, init=False)
    _opened: ExitStack = field(default_factory=ExitStack, init=False)

    def begin(self, stagers: ThreadPoolExecutor) -> None:
        """Let the rows be staged, and written if they seem to be all new.

        The fence of others waits until it is their turn.
        """
        self._ready = stagers.submit(self._stage)

    def _stage(self) -> None:
        """Stage the rows as the bytes that came, or not at all if they must be checked.

        That locks the target, for which nothing may wait that waits for its turn.
        """
        unit = self._opened.enter_context(self.table.unfenced(self.terms))
        if not unit.stage_early(self.block):
            self._opened.close()
            return
        self._staged = unit
        unit.write_early(self._turn.wait)

    @contextmanager
    def unit(self) -> Iterator[tuple[AnyUnit, list[Reject]]]:
        """Keep the promise of ``ports.Staged.unit``."""
        with self._opened:
            try:
                self._wait()
            finally:
                staged, self._staged = self._staged, None
            if staged is not None:
                staged.fence()
                if staged.judge(self.block):
                    yield staged, []
                    return
        with self.table.unit(self.terms) as unit:
            yield unit, unit.stage(self.block)

    def _wait(self) -> None:
        """Wait for what was begun, once; raise what went wrong with it."""
        self._turn.set()
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.result()

    def discard(self) -> None:
        """Roll back what nobody is going to store; a silent server is not waited for."""
        if self._ready is not None and not self._ready.cancel():
            self.table.session.leave()
            with suppress(QuperSyncError), self._opened:
                self._wait()
                raise StoppedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Who stages what where: ``writers`` makes one over another connection, ``is_raw`` chooses."""

    writer: Writer
    writers: Callable[[Session], Writer]
    spare: Spare | None
    is_raw: Callable[[Block], bool]
    terms: Terms

    @contextmanager
    def __call__(self, blocks: Iterator[Block]) -> Iterator[Iterator[Staged]]:
        """Keep the promise of ``ports.Table.staged``."""
        under_way: deque[Staged] = deque(maxlen=2)
        with ThreadPoolExecutor(2, "stager") as stagers:
            try:
                yield self._each(blocks, stagers, under_way)
            finally:
                for batch in under_way:
                    batch.discard()

    def _each(
        self,
        blocks: Iterator[Block],
        stagers: ThreadPoolExecutor,
        under_way: deque[Staged],
    ) -> Iterator[Staged]:
        """Yield the batches, those of the raw path on the two connections in turn."""
        writers = deque([self.writer])
        for number, block in enumerate(blocks):
            is_raw = self.is_raw(block)
            if is_raw and number and len(writers) == 1 and self.spare:
                writers.extendleft(map(self.writers, self.spare.opened()))
            batch = Staged(table=writers[0], block=block, terms=self.terms)
            under_way.append(batch)
            # The caller still stores the batch before this one, over its connection.
            if is_raw and (number == 0 or len(writers) > 1):
                batch.begin(stagers)
            yield batch
            writers.rotate()
