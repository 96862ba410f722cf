"""The model in memory: adapters that keep the promises of the ports, 1,000 runs a second."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from qupersync.domain.ports import Lease
from tests.simulation.memory_source import Source
from tests.simulation.memory_store import Store
from tests.simulation.memory_target import Target
from tests.simulation.model import Stored
from tests.simulation.world import World


@dataclass(slots=True)
class Memory:
    """Keeps the promises of ``model.Model``."""

    world: World
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(world=self.world)

    @contextmanager
    def open_source(self, _limit_s: float, /) -> Iterator[Source]:
        yield Source(self.world)

    @contextmanager
    def open_target(self) -> Iterator[Target]:
        yield Target(self.store)

    def beating(
        self,
        lease: Lease,
        limit_s: float,
        is_at_work: Callable[[], bool],
        on_cancel: Callable[[], None],
    ) -> AbstractContextManager[Callable[[], bool]]:
        return nullcontext(lambda: True)

    def shows(self) -> None:
        """The source reads the world itself."""

    def expires(self) -> None:
        self.store.is_expired = True

    def stored(self) -> Stored:
        return self.store.stored()
