"""Moments and points: what people type, and what is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from qupersync.domain.moments import parse_moment, parse_point
from qupersync.domain.watermark import WatermarkType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("0s", NOW),
        ("2026-02-28", datetime(2026, 2, 27, 15, tzinfo=UTC)),
        ("2026-02-28 09:30", datetime(2026, 2, 28, 0, 30, tzinfo=UTC)),
        ("2026-02-28T09:30:00.000001", datetime(2026, 2, 28, 0, 30, 0, 1, tzinfo=UTC)),
        ("2026-02-28T09:30Z", datetime(2026, 2, 28, 9, 30, tzinfo=UTC)),
        ("2026-02-28T09:30+05:30", datetime(2026, 2, 28, 4, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_age_or_a_time_in_the_users_zone(text: str, moment: datetime):
    read = parse_moment(text, zone=TOKYO, now=NOW)

    assert (read, read.tzinfo) == (moment, UTC)


def test_a_clock_that_shows_an_hour_twice_means_the_first_one():
    read = parse_moment("2025-10-26 02:30", zone=OSLO, now=NOW)

    assert read == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_an_age_is_counted_from_now_wherever_its_clock_hangs():
    read = parse_moment("1h", zone=UTC, now=NOW.astimezone(timezone(timedelta(hours=9))))

    assert (read, read.tzinfo) == (NOW - timedelta(hours=1), UTC)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "7", "-7d", "7 d", "2026", "2026-02-30", "25:00", "\u0667d", "2026-03-01\n",
     "0001-01-01", "9999-12-31T23:59-10:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str):
    with pytest.raises(ValueError, match="expected an ISO date or time, or an age like 7d"):
        parse_moment(text, zone=TOKYO, now=NOW)


@pytest.mark.parametrize("text", ["1d2d", "3661d"])
def test_an_age_that_is_no_duration_is_refused_with_its_reason(text: str):
    with pytest.raises(ValueError, match=r"each unit|ten years"):
        parse_moment(text, zone=UTC, now=NOW)


@pytest.mark.parametrize(
    ("kind", "text", "point"),
    [
        ("timestamp", "2026-02-28", datetime(2026, 2, 27, 15, tzinfo=UTC)),
        ("timestamptz", "7d", NOW - timedelta(days=7)),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", "2026-02-28 08:00", date(2026, 2, 27)),
        ("date", "13h", date(2026, 2, 28)),
        ("bigint", "42", 42),
        ("bigint", "-9223372036854775808", -(2**63)),
    ],
)
def test_a_point_is_of_the_watermarks_type(kind: str, text: str, point: object):
    read = parse_point(text, kind=WatermarkType(kind), zone=TOKYO, now=NOW)

    assert (read, type(read)) == (point, type(point))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("timestamp", "42"), ("date", "42"), ("date", "never"), ("bigint", "7d"), ("bigint", ""),
        ("bigint", "2026-03-01"), ("bigint", "1.5"), ("bigint", "1_000"), ("bigint", "\u0667"),
        ("bigint", "9223372036854775808"), ("bigint", "9" * 5000),
    ],
)  # fmt: skip
def test_a_point_of_another_type_is_refused(kind: str, text: str):
    with pytest.raises(ValueError, match="expected"):
        parse_point(text, kind=WatermarkType(kind), zone=UTC, now=NOW)
