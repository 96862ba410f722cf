from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from qupersync.interface.text import ago, moment, spent, visible


@pytest.mark.parametrize(
    ("duration_ms", "words"),
    [
        (None, "-"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_234, "1.2 s"),
        (60_000, "1 m"),
        (185_400, "3 m 5 s"),
        (7_200_000, "2 h"),
        (90_061_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(duration_ms: int | None, words: str):
    assert spent(duration_ms) == words


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (None, "never"),
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=4, seconds=50), "4 m ago"),
        (timedelta(hours=30), "1 d ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta | None, words: str):
    assert ago(age) == words


def test_a_time_is_shown_as_a_clock_of_the_zone_does():
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)

    assert moment(noon, ZoneInfo("Asia/Tokyo")) == "2026-07-01 21:00:00"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\tb\r\n", r"a\tb\r\n"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202e", r"\u202e"),
        ("[red]naïve 😀[/]", "[red]naïve 😀[/]"),
    ],
)
def test_nothing_that_moves_a_cursor_or_turns_a_line_around_gets_through(hostile: str, shown: str):
    assert visible(hostile) == shown
