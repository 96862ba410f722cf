"""Placeholders: what is one, what only looks like one, and what takes their place."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.query import bound, oldest, placeholders
from qupersync.domain.watermark import WatermarkType, Window

DAYS = Window(date(2026, 1, 2), date(2026, 1, 3))


@pytest.mark.parametrize(
    "text",
    [
        "':low'",
        "'it''s :low'",
        r"'a \' :low'",
        '":low"',
        '"a"":low"',
        "-- :low",
        "-- it's :low",
        "/* :low\n:high */",
        "$$ :low $$",
        "$tag$ :low $$ :high $tag$",
        "a::low",
        "a::lowest",
        ":lower",
        ":low_tide",
        "x:low",
        ":lo",
        "10 % 3",
    ],
)
def test_what_only_looks_like_a_placeholder_stays(text):
    assert placeholders(text) == frozenset()
    assert bound(f"SELECT {text}\n, :low", DAYS) == f"SELECT {text}\n, date '2026-01-02'"


@pytest.mark.parametrize(
    "text", [":low", "(:low)", "a>=:low", ":LOW", "'x':low", ":low::date", "'%':low", "1%:low"]
)
def test_a_placeholder_is_found_wherever_it_stands(text):
    assert placeholders(text) == {"low"}


def test_each_placeholder_becomes_the_literal_of_its_bound():
    window = Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, 0, 0, 0, 1, UTC))

    assert bound("t >= :low AND t < :high OR t = :low", window) == (
        "t >= timestamp '2026-01-02 00:00:00.000000' AND "
        "t < timestamp '2026-01-03 00:00:00.000001' OR t = timestamp '2026-01-02 00:00:00.000000'"
    )


def test_the_oldest_value_is_looked_for_among_constants_of_its_own_type():
    window = Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))

    query = oldest("SELECT 1 AS t", "t", WatermarkType.TIMESTAMPTZ, window)

    assert "CAST(\"t\" AS timestamptz) >= timestamptz '2026-01-02 00:00:00.000000'" in query
    assert "END) < timestamptz '2026-01-03 00:00:00.000000'" in query


def test_a_window_open_above_fills_only_low():
    assert bound("id >= :low", Window(-7)) == "id >= -7"


def test_a_query_without_placeholders_needs_no_window():
    assert bound("SELECT 100 % 7, 'a'::text", None) == "SELECT 100 % 7, 'a'::text"


@given(st.text())
def test_text_between_quotes_is_never_touched(text):
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    assert bound(f"SELECT {quoted}, :low", DAYS) == f"SELECT {quoted}, date '2026-01-02'"
