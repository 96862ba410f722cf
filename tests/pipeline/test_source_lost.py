"""A source that breaks off, wherever in its answer: the error says so, and can be tried again."""

import pytest

from qupersync.demo.faults import AfterBytes, Cut, Fault
from qupersync.domain.errors import SourceUnavailableError
from tests.pipeline.rig import Rig

ROWS = "SELECT i AS id, repeat('x', i % 50) AS name FROM generate_series(1, 300) AS i"
# Of about 14,000: steps that share no factor with the length of a message or of a block.
PLACES = range(1, 12_000, 263)


@pytest.mark.parametrize("cut", [Cut(), Cut(reset=True)], ids=["end", "reset"])
def test_a_read_that_is_cut_inside_a_message_is_a_lost_connection(rig: Rig, cut: Cut):
    for place in PLACES:
        with rig.open_source(60) as source:
            rig.stand_in.faults.arm(Fault(when=AfterBytes(place), what=cut))

            with pytest.raises(SourceUnavailableError) as lost:
                list(source.read(ROWS, batch_rows=100))

            assert lost.value.retryable, place
