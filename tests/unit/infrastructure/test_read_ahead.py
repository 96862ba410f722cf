"""The reader of the next batches: in order, not too far ahead, and gone when it should be."""

from collections.abc import Iterator
from itertools import count
from threading import Event
from threading import enumerate as threads

import pytest

from qupersync.domain.batch import Batch, Decoded
from qupersync.domain.errors import SourceUnavailableError
from qupersync.infrastructure.redshift.read_ahead import LIGHT_BYTES, ReadAhead


def a_batch(payload: bytes) -> Batch:
    return Batch(
        names=("a",), payloads=[payload], payload_format="", decode=lambda _: Decoded(rows=[])
    )


def numbered(made: list[int]) -> Iterator[Batch]:
    """Batches without an end; ``made`` tells how many there were so far."""
    for number in count():
        made.append(number)
        yield a_batch(b"%d" % number)


def test_batches_come_in_their_order_and_then_the_end():
    batches = [a_batch(b"%d" % number) for number in range(10)]

    assert list(ReadAhead(iter(batches))) == batches


def test_what_was_read_before_an_error_comes_before_the_error():
    def failing() -> Iterator[Batch]:
        yield from map(a_batch, [b"a", b"b"])
        raise SourceUnavailableError("gone")

    reading = ReadAhead(failing())

    assert [next(reading).payloads, next(reading).payloads] == [[b"a"], [b"b"]]
    for _ in range(2):
        with pytest.raises(SourceUnavailableError):
            next(reading)


def test_behind_a_light_batch_the_next_is_read_at_once():
    is_begun = Event()

    def two() -> Iterator[Batch]:
        yield a_batch(b"a")
        is_begun.set()
        yield a_batch(b"b")

    reading = ReadAhead(two())

    assert is_begun.wait(10)
    assert [batch.payloads for batch in reading] == [[b"a"], [b"b"]]


def test_behind_a_heavy_batch_the_next_is_read_when_that_is_taken():
    waiting: list[Batch | None] = []

    def ten() -> Iterator[Batch]:
        for number in range(10):
            waiting.append(reading._waiting if number else None)
            yield a_batch(bytes(LIGHT_BYTES + 1))

    reading = ReadAhead(ten())

    assert len(list(reading)) == 10
    assert waiting == [None] * 10


def test_the_reader_is_not_far_ahead_and_ends_when_nobody_reads_on():
    made: list[int] = []
    reading = ReadAhead(numbered(made))
    for _ in range(3):
        next(reading)

    reading.close()

    assert len(made) in {3, 4, 5}
    assert [thread for thread in threads() if thread.name == "reader"] == []
