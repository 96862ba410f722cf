"""The memory of a run is bounded whatever the source sends; without enough it ends by name."""

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.shell import Child
from tests.faults.proxy import Message, Trap
from tests.faults.site import JOBS, Site

MB = 1024 * 1024
FILL = """
INSERT INTO items SELECT n, repeat('x', {width}), '2026-03-01 11:00'
  FROM generate_series({first}, {last}) AS n
"""


@contextmanager
def with_memory_of(site: Site, size: int) -> Iterator[Child]:
    """Run the job with so many bytes of memory of its own."""
    with site.running() as child:
        resource.prlimit(child.pid, resource.RLIMIT_DATA, (size, size))
        yield child
        site.done = site.ended(child)


def only(site: Site, rows: int, width: int) -> None:
    """Leave nothing at the source but so many rows, all in one piece."""
    site.shell.write_jobs(JOBS.replace("batch_size: 4", "batch_size: 100000"))
    site.at_source("TRUNCATE items", FILL.format(first=1, last=rows, width=width))


def peak_mb(site: Site) -> float:
    """Run the job and return the most memory that it has had by its last message."""
    peak = 0

    def look(message: Message) -> bool:
        nonlocal peak
        if message.begins:
            status = Path(f"/proc/{child.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            peak = int(found[1]) if found else peak
        return False

    with site.running("--from-initial") as child:
        site.proxy.set(Trap(looks_for=look, does=lambda: None))
        assert site.ended(child).code == 0
    site.proxy.trap = None
    assert peak
    return peak / 1024


def test_twenty_times_as_many_rows_take_no_more_memory(site: Site):
    only(site, 2_000, 1_000)
    few = peak_mb(site)
    site.at_source(FILL.format(first=2_001, last=40_000, width=1_000))

    assert peak_mb(site) - few < 19  # half of the rows that were added
    site.recovers()


def test_rows_of_nearly_64_mb_are_loaded_in_bounded_memory(site: Site):
    only(site, 3, 63 * MB)
    with with_memory_of(site, 800 * MB):
        pass

    assert (site.done.code, site.last_run()) == (0, ("success", ""))
    site.recovers()


def test_a_row_that_is_larger_still_is_refused_by_name(site: Site):
    only(site, 2, 64 * MB)
    with with_memory_of(site, 800 * MB):
        pass

    assert (site.done.code, site.last_run()) == (1, ("failed", "query-failed"))
    assert "a row of 67,108,890 bytes" in site.done.records[-1]["error"]
    site.at_source("UPDATE items SET name = 'short'")
    site.recovers()


def test_without_memory_a_run_ends_by_name_and_the_next_goes_on(site: Site):
    only(site, 2, 60 * MB)
    with with_memory_of(site, 300 * MB):
        pass

    assert (site.done.code, site.last_run()) == (1, ("dead", "resource-exhausted"))
    site.recovers()
