"""Watermarks: canonical text, literals, windows and frontiers of every type."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.frontier import Frontier
from qupersync.domain.watermark import (
    DAY,
    WatermarkType,
    Window,
    canonical,
    earliest,
    latest,
    literal,
)

HOUR = timedelta(hours=1)
CLOCK = datetime(2026, 3, 10, 12, 0, 30, 500_000, UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def noon(day):
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def frontier(kind, **changes):
    usual = {
        "type": WatermarkType(kind),
        "stored": None,
        "clock": CLOCK,
        "initial": timedelta(days=7),
        "overlap": HOUR,
        "lag": timedelta(seconds=30),
    }
    return Frontier(**usual | changes)


@given(MOMENTS)
def test_a_time_is_read_back_from_its_canonical_form(moment):
    assert WatermarkType.TIMESTAMP.parse(canonical(moment)) == moment
    assert WatermarkType.TIMESTAMPTZ.parse(canonical(moment)) == moment
    assert len(canonical(moment)) == 27


@given(st.dates())
def test_a_date_is_read_back_from_its_canonical_form(day):
    assert WatermarkType.DATE.parse(canonical(day)) == day


@given(st.integers())
def test_a_number_is_read_back_from_its_canonical_form(number):
    assert WatermarkType.BIGINT.parse(canonical(number)) == number


def test_a_time_without_a_zone_counts_as_utc():
    assert WatermarkType.TIMESTAMP.parse("2026-03-10T12:00") == noon(10)
    assert WatermarkType.TIMESTAMP.parse("2026-03-10T14:00+02:00") == noon(10)


@pytest.mark.parametrize("kind", WatermarkType)
def test_a_text_of_another_type_is_refused(kind):
    with pytest.raises(ValueError, match="nvalid"):
        kind.parse("soon")


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (datetime(1969, 7, 20, 20, 17, 40, 1, UTC), "timestamp '1969-07-20 20:17:40.000001'"),
        (
            datetime(2026, 1, 1, 1, tzinfo=timezone(HOUR)),
            "timestamp '2026-01-01 00:00:00.000000'",
        ),
        (date(2026, 1, 2), "date '2026-01-02'"),
        (-5, "-5"),
    ],
)
def test_a_literal_is_typed_and_in_utc(point, text):
    assert literal(point) == text


@pytest.mark.parametrize(
    ("window", "empty"),
    [
        (Window(noon(1), noon(1)), True),
        (Window(noon(2), noon(1)), True),
        (Window(noon(1), noon(2)), False),
        (Window(5), False),
    ],
)
def test_a_window_without_room_is_empty(window, empty):
    assert window.is_empty is empty


@pytest.mark.parametrize("window", [Window(5), Window(5, 9), Window(noon(2), noon(1))])
def test_a_window_that_cannot_be_split_is_one_piece(window):
    assert list(window.pieces(DAY)) == [window]


def test_the_last_piece_ends_at_the_window():
    pieces = list(Window(noon(1), noon(3) + HOUR).pieces(DAY))

    assert pieces == [
        Window(noon(1), noon(2)),
        Window(noon(2), noon(3)),
        Window(noon(3), noon(3) + HOUR),
    ]


@pytest.mark.parametrize(("days", "pieces"), [(99, 99), (100, 100), (101, 100), (1000, 100)])
def test_a_long_window_has_at_most_a_hundred_pieces(days, pieces):
    assert len(list(Window(noon(1), noon(1) + days * DAY).pieces(DAY))) == pieces


def test_dates_are_split_into_whole_days():
    pieces = list(Window(date(2026, 1, 1), date(2026, 1, 4)).pieces(timedelta(hours=36)))

    assert pieces == [
        Window(date(2026, 1, 1), date(2026, 1, 3)),
        Window(date(2026, 1, 3), date(2026, 1, 4)),
    ]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3660)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
)
def test_pieces_cover_the_window_without_a_gap_or_a_repeat(low, length, step):
    pieces = list(Window(low, low + length).pieces(step))

    assert pieces[0].low == low
    assert pieces[-1].high == low + length
    assert all(one.high == other.low for one, other in pairwise(pieces))
    assert len(pieces) <= 100
    assert not any(piece.is_empty for piece in pieces)


def test_a_watermark_never_moves_back():
    assert latest(None, 1) == 1
    assert latest(2, 1) == 2
    assert latest(1, 2) == 2


def test_the_earlier_of_two_holds():
    assert earliest(None, noon(2)) == noon(2)
    assert earliest(noon(1), noon(2)) == noon(1)
    assert earliest(noon(3), noon(2)) == noon(2)


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_a_first_run_starts_at_an_age_in_whole_seconds(kind):
    window = frontier(kind).window()

    assert window.low == datetime(2026, 3, 3, 12, 0, 30, tzinfo=UTC)
    assert window.high == datetime(2026, 3, 10, 12, 0, 0, 500_000, UTC)
    assert frontier(kind).claim == window.high


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_a_later_run_reads_again_behind_the_watermark(kind):
    assert frontier(kind, stored=noon(9)).window().low == noon(9) - HOUR


def test_a_first_run_may_start_at_a_point():
    assert frontier("timestamptz", initial=noon(1)).window().low == noon(1)


def test_from_initial_forgets_the_watermark():
    stored = frontier("timestamptz", stored=noon(9))

    assert stored.from_initial() == frontier("timestamptz").window()


def test_a_date_window_ends_with_today_and_claims_only_until_today():
    today = frontier("date", stored=date(2026, 3, 9), overlap=DAY)

    assert today.window() == Window(date(2026, 3, 8), date(2026, 3, 11))
    assert today.claim == date(2026, 3, 10)


def test_the_lag_may_reach_into_the_day_before():
    after_midnight = datetime(2026, 3, 10, 0, 0, 10, tzinfo=UTC)

    assert frontier("date", clock=after_midnight).high == date(2026, 3, 10)


def test_a_date_overlap_is_rounded_up_to_whole_days():
    longer = frontier("date", stored=date(2026, 3, 9), overlap=timedelta(hours=25))

    assert longer.window().low == date(2026, 3, 7)


def test_a_first_date_run_starts_on_a_whole_day():
    assert frontier("date").window().low == date(2026, 3, 3)
    assert frontier("date", initial=date(2026, 1, 1)).window().low == date(2026, 1, 1)


def test_numbers_have_no_upper_bound_and_no_claim():
    numbers = frontier("bigint", stored=100, initial=0, overlap=10)

    assert numbers.window() == Window(90)
    assert numbers.claim is None
    assert numbers.from_initial() == Window(0)


@pytest.mark.parametrize(
    ("kind", "python"),
    [("timestamp", datetime), ("timestamptz", datetime), ("date", date), ("bigint", int)],
)
def test_each_type_has_its_kind_of_point(kind, python):
    assert WatermarkType(kind).python is python


def test_patience_ends_max_hold_before_the_lagging_clock():
    assert frontier("timestamptz").patience(HOUR) == CLOCK - timedelta(hours=1, seconds=30)
    assert frontier("date").patience(DAY) == date(2026, 3, 9)
