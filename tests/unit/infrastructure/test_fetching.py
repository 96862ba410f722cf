"""FETCH asks for fewer rows where rows are wide."""

import pytest

from qupersync.domain.errors import DriverUnknownError
from qupersync.infrastructure.redshift.fetching import (
    BATCH_BYTES,
    FETCH_BYTES,
    batches,
    fetched,
)
from qupersync.infrastructure.redshift.layout import Layout

NOTHING = Layout((), (), ())


def asked(
    widths: list[int], most: int = 1_000, batch_rows: int = 0, flight: int = 1
) -> tuple[list[int], list[list[bytes]]]:
    """How many rows each FETCH asks for, of rows as wide as these, and what each answer has.

    With ``batch_rows`` it is what the batches hold.
    """
    numbers: list[int] = []
    left = list(map(bytes, widths))

    def execute(sql: str, times: int = 1) -> tuple[Layout, list[bytes]]:
        if not sql.startswith("FETCH"):
            return NOTHING, []
        rows = int(sql.split()[2])
        assert times == 1 or rows == numbers[-1]  # else the driver has not prepared it
        numbers.extend([rows] * times)
        got = left[: rows * times]
        del left[: rows * times]
        return NOTHING, got

    if batch_rows:
        read = batches("", batch_rows, fetch_rows=most, execute=execute, is_known=True)
        return numbers, [list(batch.payloads) for batch in read]
    return numbers, [bodies for _, bodies, _ in fetched(execute, "c", most, flight)]


def test_small_rows_are_soon_fetched_as_many_as_are_allowed():
    assert asked([100] * 1_800)[0] == [1, 8, 64, 512, 1_000, 1_000]


def test_no_more_are_fetched_than_are_allowed():
    assert asked([1] * 10, most=3)[0] == [1, 3, 3, 3, 3]


def test_the_same_fetch_is_sent_several_times_in_one_flight():
    numbers, answers = asked([1] * 25, most=3, flight=2)

    assert numbers == [1, *[3] * 10]
    assert list(map(len, answers)) == [1, 3, 6, 6, 6, 3]


def test_rows_behind_a_flight_that_brought_too_few_end_the_read():
    """Should a server answer the same FETCH only once in a flight, or keep an answer to itself."""
    left = list(range(20))

    def execute(sql: str, times: int = 1) -> tuple[Layout, list[bytes]]:
        del times
        rows = int(sql.split()[2])
        got, left[:rows] = [b"%d" % number for number in left[:rows]], []
        return NOTHING, got

    with pytest.raises(DriverUnknownError, match="too few"):
        list(fetched(execute, "c", 3, flight=2))


def test_a_flight_has_no_more_rows_than_one_fetch_may_have():
    numbers: list[tuple[int, int]] = []
    left = 20_000

    def execute(sql: str, times: int = 1) -> tuple[Layout, list[bytes]]:
        nonlocal left
        if not sql.startswith("FETCH"):
            return NOTHING, []
        rows = int(sql.split()[2])
        numbers.append((rows, times))
        got = min(left, rows * times)
        left -= got
        return NOTHING, [b"a"] * got

    read = batches("", 5_000, fetch_rows=1_000, execute=execute, is_known=True)

    assert sum(len(batch) for batch in read) == 20_000
    assert max(rows * times for rows, times in numbers) == 1_000


@pytest.mark.parametrize("rows", range(40))
@pytest.mark.parametrize("flight", [1, 2, 4])
def test_no_row_is_lost_wherever_in_a_flight_the_cursor_ends(rows, flight):
    answers = asked([5] * rows, most=4, flight=flight)[1]

    assert sum(map(len, answers)) == rows


def test_rows_that_are_fetched_one_by_one_do_not_share_a_flight():
    answers = asked([FETCH_BYTES] * 20, flight=2)[1]

    assert max(map(len, answers)) == 1


@pytest.mark.parametrize(
    ("width", "rows"), [(FETCH_BYTES // 5, 4), (FETCH_BYTES, 1), (FETCH_BYTES * 3, 1)]
)
def test_wide_rows_are_fetched_within_the_limit_or_one_by_one(width, rows):
    assert asked([width] * 20)[0][:3] == [1, rows, rows]


def test_rows_that_become_wide_are_fetched_one_by_one_from_then_on():
    assert asked([100] * 73 + [FETCH_BYTES] * 514)[0][:5] == [1, 8, 64, 512, 1]


def test_all_rows_come_in_their_order():
    widths = [*range(1, 500), 200_000, *range(1, 500)]

    assert [len(body) for bodies in asked(widths)[1] for body in bodies] == widths


def test_an_empty_result_is_one_answer():
    assert asked([]) == ([1], [[]])


@pytest.mark.parametrize("batch_rows", [1, 7, 512, 513, 20_000])
@pytest.mark.parametrize("width", [100, BATCH_BYTES // 100, BATCH_BYTES // 3, BATCH_BYTES * 2])
def test_a_batch_is_bounded_also_where_narrow_rows_are_followed_by_wide_ones(batch_rows, width):
    widths = [*[100] * 73, *[width] * 30, *[100] * 1_500]

    read = asked(widths, batch_rows=batch_rows)[1]

    assert [len(body) for batch in read for body in batch] == widths
    assert all(0 < len(batch) <= batch_rows for batch in read)
    assert all(len(batch) == 1 or sum(map(len, batch)) <= BATCH_BYTES for batch in read)


def test_an_empty_result_is_one_empty_batch():
    assert asked([], batch_rows=5)[1] == [[]]
