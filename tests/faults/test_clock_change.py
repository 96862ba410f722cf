"""The hour that comes twice in autumn costs no row: windows are in UTC, whatever zone is here."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from qupersync.domain.watermark import WatermarkType, Window, canonical, literal
from tests.faults.site import Site

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# Two rows that a clock on the wall cannot tell apart, and those on the edges.
ROWS = """
INSERT INTO items VALUES
  (1, 'canary-row', '{0}'::timestamp - interval '30 min'), (2, 'canary-row', '{0}'),
  (3, 'canary-row', '{0}'::timestamp - interval '1 us'),
  (4, 'canary-row', '{0}'::timestamp + interval '15 min'),
  (5, 'canary-row', '{0}'::timestamp + interval '30 min'),
  (6, 'canary-row', '{0}'::timestamp + interval '60 min')
"""
ZONE_OF_DATABASE = """
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET timezone TO %L', current_database(), '{zone}');
END $$
"""


def fall_back(zone: str) -> datetime | None:
    """Return when the clocks of a zone go back in 2026; None where they do not."""
    place = ZoneInfo(zone)

    def goes_back(begin: datetime, length: timedelta) -> bool:
        now, later = begin.astimezone(place), (begin + length).astimezone(place)
        return (later.utcoffset() or HOUR) < (now.utcoffset() or HOUR)

    days = (BEGIN + number * DAY for number in range(365))
    day = next((day for day in days if goes_back(day, DAY)), None)
    if day is None:
        return None
    return next(
        day + number * HOUR + HOUR for number in range(24) if goes_back(day + number * HOUR, HOUR)
    )


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


def words(moment: datetime) -> list[str]:
    """Return all that is written and read of the windows around a moment."""
    window = Window(moment - HOUR, moment + HOUR)
    pieces = [p for piece in window.pieces(HOUR / 4) for p in (piece.low, piece.high) if p]
    times = [WatermarkType.TIMESTAMP, WatermarkType.TIMESTAMPTZ]
    read = [kind.parse(canonical(point)) for point in pieces for kind in times]
    bare = [WatermarkType.TIMESTAMP.parse(canonical(point)[:-1]) for point in pieces]
    return [f"{canonical(point)} {literal(point)}" for point in (*pieces, *read, *bare)]


@pytest.mark.usefixtures("in_zone")
def test_windows_are_the_same_in_every_zone_of_the_world(monkeypatch: pytest.MonkeyPatch):
    moments = {zone: found for zone in available_timezones() if (found := fall_back(zone))}
    assert len(moments) > 100
    expected = {moment: words(moment) for moment in moments.values()}

    for zone, moment in moments.items():
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert words(moment) == expected[moment], zone


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_rows_of_the_hour_that_comes_twice_are_loaded(site: Site, zone: str):
    moment = fall_back(zone)
    assert moment is not None
    now = moment + HOUR
    of_database = ZONE_OF_DATABASE.format(zone=zone)
    site.at_source("TRUNCATE items", ROWS.format(moment.replace(tzinfo=None)), of_database)
    site.at_source(f"UPDATE clock SET moment = '{now.replace(tzinfo=None)}'")
    site.at_target(of_database)
    site.shell.variables["TZ"] = zone

    done = site.execute()

    assert (done.code, site.rows("SELECT id FROM items ORDER BY id")) == (
        0,
        [(n,) for n in range(1, 6)],
    )
    [record] = done.records
    assert (record["window_low"], record["window_high"]) == (
        canonical(now - 2 * HOUR),
        canonical(now),
    )
    site.recovers()
