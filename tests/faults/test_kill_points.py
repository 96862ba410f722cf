"""Killed at any of its messages to the target, a run costs nothing: the next one goes on."""

from itertools import count

import pytest

from tests.faults.paths import on_both_paths
from tests.faults.proxy import Message
from tests.faults.site import Site

POINTS = {"before a request": Message.is_request, "after an answer": Message.is_answer}
# The raw path has more messages. Each of them: exhaustive/test_every_message.py.
STEPS = {"auto": 24, "copy": 60}


@on_both_paths
def test_an_undisturbed_run_keeps_all_invariants(site: Site):
    site.recovers()
    assert len(site.rows("SELECT FROM items")) == 8


@on_both_paths
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_a_message_costs_nothing(site: Site, point: str):
    for number in count(1, STEPS[site.load]):
        if not site.kill_at(POINTS[point], number):
            assert number > 50, "the run talks to the target much more than that"
            return
        site.recovers()
        site.afresh()
