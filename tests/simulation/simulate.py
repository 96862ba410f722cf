"""Plays histories by their seeds: ``python -m tests.simulation.simulate SEED COUNT``.

It plays them in memory, also those that failed in a PostgreSQL: they begin the same way there. With
the conninfos of a rig's two databases it plays them in these.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import qupersync
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.pipeline.rig import Rig
from tests.simulation.history import History
from tests.simulation.memory import Memory
from tests.simulation.model import Model
from tests.simulation.postgres import laboratory
from tests.simulation.world import World

# A run takes 30 ms on the wire, and 1 ms in memory.
STEPS_IN_MEMORY = 10
STEPS_IN_POSTGRES = 5


def simulate_in_memory(seeds: Iterable[int]) -> None:
    """Play one history for each seed, as ``simulate`` does."""
    simulate(seeds, Memory, STEPS_IN_MEMORY)


def simulate_in_postgres(seeds: Iterable[int], rig: Rig) -> None:
    """Play one history for each seed, as ``simulate`` does, in the databases of the rig."""
    with laboratory(rig) as real:
        simulate(seeds, real.model, STEPS_IN_POSTGRES)


def simulate(seeds: Iterable[int], make_model: Callable[[World], Model], steps: int) -> None:
    """Play one history for each seed, up to the first error; it names the seed.

    Raises:
        Violation: a promise was broken.
    """
    for seed in seeds:
        try:
            History(Random(seed), make_model, steps).play()  # noqa: S311 - to be played again
        except Exception as error:
            error.add_note(f"Again: python -m tests.simulation.simulate {seed} 1")
            raise


def main(first: str, count: str, *databases: str) -> None:
    seeds = range(int(first), int(first) + int(count))
    if databases:
        source, target = databases
        with StandIn(upstream=PostgresAddress.from_uri(source)) as stand_in:
            simulate_in_postgres(seeds, Rig(source=source, target=target, stand_in=stand_in))
    else:
        simulate_in_memory(seeds)
    print(f"played {count} histories with {Path(qupersync.__file__).parent}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
