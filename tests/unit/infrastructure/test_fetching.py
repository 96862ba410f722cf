"""FETCH asks for fewer rows where rows are wide."""

import pytest

from qupersync.infrastructure.redshift.fetching import FETCH_BYTES, fetched
from qupersync.infrastructure.redshift.layout import Layout

NOTHING = Layout((), (), ())


def asked(widths: list[int], most: int = 1_000) -> tuple[list[int], list[list[bytes]]]:
    """How many rows each FETCH asks for, of rows as wide as these, and what it gets."""
    numbers: list[int] = []
    left = list(map(bytes, widths))

    def execute(sql: str) -> tuple[Layout, list[bytes]]:
        assert sql.endswith(" FROM c")
        numbers.append(int(sql.split()[2]))
        got = left[: numbers[-1]]
        del left[: numbers[-1]]
        return NOTHING, got

    answers = [bodies for _, bodies in fetched(execute, "c", most)]
    return numbers, answers


def test_small_rows_are_soon_fetched_as_many_as_are_allowed():
    assert asked([100] * 1_800)[0] == [1, 8, 64, 512, 1_000, 1_000]


def test_no_more_are_fetched_than_are_allowed():
    assert asked([1] * 10, most=3)[0] == [1, 3, 3, 3, 3]


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
