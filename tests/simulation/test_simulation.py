"""Made-up histories, judged by an oracle that knows what really happened."""

import pytest

from tests.pipeline.rig import Rig
from tests.simulation.simulate import simulate_in_memory, simulate_in_postgres

PARTS = range(8)
IN_MEMORY = 150
IN_POSTGRES = 15


def seeds(part: int, count: int) -> range:
    """Return the seeds of a part: the same in each session, for ``simulate`` plays all others."""
    return range(part * count, (part + 1) * count)


@pytest.mark.parametrize("part", PARTS)
def test_no_history_in_memory_breaks_a_promise(part: int):
    simulate_in_memory(seeds(part, IN_MEMORY))


@pytest.mark.parametrize("part", PARTS)
def test_no_history_on_the_wire_and_in_postgres_breaks_a_promise(rig: Rig, part: int):
    simulate_in_postgres(seeds(part, IN_POSTGRES), rig)
