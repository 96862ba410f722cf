"""Killed at every message, seen from both ends of the wire, a run costs nothing."""

import subprocess
from itertools import count

import pytest

from tests.cli.shell import Child
from tests.faults.paths import on_both_paths
from tests.faults.site import LIMIT_S, Site
from tests.faults.test_kill_points import POINTS

SHARES = 4


@on_both_paths
@pytest.mark.parametrize("first", range(1, SHARES + 1))
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_message_of_all_sessions(site: Site, point: str, first: int):
    for number in count(first, SHARES):
        if not site.kill_at(POINTS[point], number):
            print(f"{point}: fewer than {number} points")  # noqa: T201
            return
        site.recovers()
        site.afresh()


@on_both_paths
@pytest.mark.parametrize("first", range(1, SHARES + 1))
@pytest.mark.parametrize("call", ["sendto", "recvfrom"])
def test_killed_by_the_kernel_at_the_nth_call_of_a_thread(site: Site, call: str, first: int):
    """strace counts in each thread by itself; the thread that gets there first dies."""
    for number in count(first, SHARES):
        with _traced(site, call, number) as child:
            code = child.wait(LIMIT_S)
        site.quiet()
        site.invariants.hold()
        if code == 0:
            print(f"{call}: fewer than {number} calls")  # noqa: T201
            return
        site.recovers()
        site.afresh()


def _traced(site: Site, call: str, number: int) -> Child:
    how = f"inject={call}:signal=SIGKILL:when={number}"
    return Child(
        [*f"strace -f -qq -o /dev/null -e trace={call} -e {how}".split(), *site.command("-q")],
        cwd=site.shell.folder,
        env=site.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
