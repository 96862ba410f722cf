"""Lateness: how it is counted, and which overlap it asks for."""

from datetime import timedelta

import pytest

from qupersync.domain.lateness import Lateness, recommended_overlap
from qupersync.domain.margin import margin_warnings

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_rows_are_counted_by_the_smallest_bound_that_their_age_does_not_exceed():
    ages = [SECOND, MINUTE, MINUTE + SECOND, HOUR, 24 * HOUR, 24 * HOUR + SECOND, 240 * HOUR]

    assert Lateness.of(ages).histogram() == {"1m": 2, "5m": 1, "1h": 1, "1d": 1, "more": 2}


def test_no_late_row_is_an_empty_histogram_and_no_greatest_age():
    assert (Lateness().rows, Lateness().longest_ms, Lateness().histogram()) == (0, None, {})


def test_what_two_batches_saw_adds_up():
    both = Lateness.of([MINUTE, HOUR]) + Lateness.of([2 * MINUTE])

    assert both == Lateness.of([MINUTE, 2 * MINUTE, HOUR])
    assert (both.rows, both.longest_ms) == (3, 3_600_000)


@pytest.mark.parametrize(
    ("longest", "overlap"),
    [
        (timedelta(), 5 * MINUTE),
        (2 * MINUTE, 5 * MINUTE),
        (2 * MINUTE + 31 * SECOND, 10 * MINUTE),
        (40 * MINUTE, 80 * MINUTE),
    ],
)
def test_the_recommended_overlap_is_twice_the_worst_in_steps_of_5_minutes(
    longest: timedelta, overlap: timedelta
):
    assert recommended_overlap(longest) == overlap


def test_a_row_in_the_farther_half_of_the_overlap_warns_and_says_what_to_set():
    assert list(margin_warnings(Lateness.of([40 * MINUTE]), HOUR)) == [
        "rows appear up to 40m late, the overlap is 1h: set overlap: 1h20m"
    ]


@pytest.mark.parametrize(
    ("seen", "overlap"),
    [
        (Lateness.of([30 * MINUTE]), HOUR),
        (Lateness(), HOUR),
        (Lateness(), timedelta()),
        (Lateness(), 10),
    ],
)
def test_rows_in_the_nearer_half_warn_of_nothing(seen: Lateness, overlap: timedelta | int):
    assert list(margin_warnings(seen, overlap)) == []
