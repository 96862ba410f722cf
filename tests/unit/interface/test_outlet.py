"""What a reader who falls behind is told, and whoever writes is not held up by him."""

import json
import os
from collections.abc import Iterator

import pytest

from qupersync.interface.outlet import Outlet

PAGE = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    for_reading, for_writing = os.pipe()
    yield for_reading, for_writing
    os.close(for_reading)
    os.close(for_writing)


def filled(for_writing: int) -> int:
    """Fill the pipe, and return with how many bytes."""
    os.set_blocking(for_writing, False)
    size = 0
    try:
        while True:
            size += os.write(for_writing, b"." * PAGE)
    except BlockingIOError:
        os.set_blocking(for_writing, True)
    return size


def test_all_that_is_read_comes_in_its_order(pipe: tuple[int, int]):
    outlet = Outlet(pipe[1])
    for line in (b"one\n", b"two\n", b"three\n"):
        outlet.write(line)
    outlet.drain()
    outlet.write(b"of the exit\n")

    assert os.read(pipe[0], PAGE) == b"one\ntwo\nthree\nof the exit\n"


def test_who_reads_again_is_told_how_many_lines_are_missing_and_where(pipe: tuple[int, int]):
    size = filled(pipe[1])
    outlet = Outlet(pipe[1], most=1)
    for line in (b"held\n", b"waits\n", b"lost\nlost\n", b"lost\n"):
        outlet.write(line)

    assert os.read(pipe[0], size) == b"." * size
    assert os.read(pipe[0], PAGE).startswith(b"held\n")
    outlet.drain()
    os.write(pipe[1], b"end\n")

    assert os.read(pipe[0], PAGE).endswith(b"lost 3 lines that could not be written\nend\n")


def test_among_json_lines_they_are_told_as_json(pipe: tuple[int, int]):
    size = filled(pipe[1])
    outlet = Outlet(pipe[1], most=1)
    for line in (b"{}\n", b"{}\n", b'{"lost": 1}\n'):
        outlet.write(line)
    assert os.read(pipe[0], size) == b"." * size
    outlet.drain()

    *_, note = os.read(pipe[0], PAGE).splitlines()
    assert json.loads(note)["event"] == "lost 1 lines that could not be written"


def test_lines_that_the_disk_refused_are_told_too():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        outlet = Outlet(full.fileno())
        outlet.write(b"refused\n")
        outlet.drain()

        assert outlet._lost
