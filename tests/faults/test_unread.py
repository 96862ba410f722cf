"""A full pipe whose reader lives and does not read stops no run, and the process ends by itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.site import LIMIT_S, Site


@contextmanager
def full_pipe() -> Iterator[int]:
    """Yield the end for writing, which blocks whoever writes another byte."""
    for_reading, for_writing = os.pipe()
    os.set_blocking(for_writing, False)
    try:
        while True:
            os.write(for_writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(for_writing, True)  # it is the child's too
    yield for_writing
    os.close(for_reading)
    os.close(for_writing)


@pytest.mark.parametrize(
    ("words", "streams", "code"),
    [
        ([], ["stderr"], 0),
        (["-o", "json"], ["stderr"], 0),
        (["-o", "json"], ["stdout"], 1),
        (["-o", "json"], ["stdout", "stderr"], 1),
    ],
)
def test_a_reader_who_does_not_read_stops_no_run(
    site: Site, words: list[str], streams: list[str], code: int
):
    with (
        full_pipe() as pipe,
        site.shell.start("run", "items", *words, **dict.fromkeys(streams, pipe)) as child,
    ):
        assert child.wait(LIMIT_S) == code

    assert site.last_run() == ("success", "")
    site.recovers()


def test_a_reader_who_does_not_read_keeps_no_proof_waiting(site: Site):
    site.run()
    with (
        full_pipe() as pipe,
        site.shell.start("verify", "items", "-o", "json", stdout=pipe) as child,
    ):
        _, said = child.communicate(timeout=LIMIT_S)

    assert child.returncode == 1
    assert "stdout cannot be written: nobody reads it" in said
