"""A machine that lets nobody write a file stops no run: no row is spooled to its disk."""

import subprocess

import pytest

from tests.cli.shell import Child
from tests.faults.site import Site

# Each in a mount namespace of its own, and each proves that it is as it says.
READ_ONLY = """
awk '{print $5}' /proc/self/mountinfo | xargs -n 1 mount -o remount,bind,ro 2>&1
for folder in . "$TMPDIR" /tmp /var/tmp /dev/shm; do touch "$folder/file" 2>&1 && exit 99; done
exec "$@"
"""
FULL = """
mount -t tmpfs -o size=4k none "$TMPDIR"
head -c 8192 /dev/zero 2>&1 > "$TMPDIR/file" && exit 99
exec "$@"
"""


@pytest.mark.parametrize("machine", [READ_ONLY, FULL], ids=["read only", "full"])
def test_a_disk_that_takes_nothing_is_not_needed(site: Site, machine: str):
    site.at_source("UPDATE items SET name = name || repeat('x', 300000)")
    folder = site.shell.folder / "temporary"
    folder.mkdir()
    child = Child(
        ["unshare", "--mount", "sh", "-c", machine, "sh", *site.command("-q")],
        cwd=site.shell.folder,
        env=site.environment | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        done = site.ended(child)

    assert (done.code, site.last_run()) == (0, ("success", ""))
    site.recovers()
