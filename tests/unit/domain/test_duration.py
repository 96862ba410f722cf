"""Durations: what people type, and what is refused."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0s", timedelta()),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("1w2d", timedelta(days=9)),
        ("2d1w", timedelta(days=9)),
        ("3660d", timedelta(days=3660)),
        ("000000001s", timedelta(seconds=1)),
    ],
)
def test_a_duration_is_read(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "8", 7, 1.5, None, True, "-1d", "1.5h", "1 d", "1D", "7d\n", "d", "1d x", "\u0661d"],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration like"):
        parse_duration(text)


def test_a_unit_may_stand_once():
    with pytest.raises(ValueError, match="each unit"):
        parse_duration("1d2d")


@pytest.mark.parametrize("text", ["3661d", "3660d1s", "9999999999s", "9" * 5000 + "w"])
def test_more_than_ten_years_are_refused(text):
    with pytest.raises(ValueError, match="ten years"):
        parse_duration(text)


@given(st.integers(0, 3660 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_written_duration_is_read_back(duration):
    assert parse_duration(format_duration(duration)) == duration


def test_a_duration_that_is_one_already_passes():
    assert parse_duration(timedelta(days=1)) == timedelta(days=1)
