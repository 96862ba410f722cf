"""Gaps: when a span is lost, and when a source is only quiet."""

from datetime import UTC, date, datetime, timedelta

import pytest

from qupersync.domain.gap import Gap, Look, is_gap_warning, start_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_look(oldest: timedelta | None, kept: timedelta | None) -> Look:
    """A look at noon; both are ages."""
    return Look(clock=NOON, oldest=None if oldest is None else NOON - oldest, kept=kept)


@pytest.mark.parametrize(
    ("claim", "oldest", "kept", "watermark", "newest_loaded", "is_gap"),
    [
        ("a row as old as the watermark is there", 7 * DAY, 7 * DAY, 7 * DAY, 8 * DAY, False),
        ("an older row is there", 8 * DAY, 7 * DAY, 7 * DAY, None, False),
        ("rows aged out before they were read", 7 * DAY, 7 * DAY, 9 * DAY, None, True),
        ("none came for less time than rows stay", HOUR, 7 * DAY, 6 * DAY, 8 * DAY, False),
        ("rows left that were younger than rows get", HOUR, 7 * DAY, 6 * DAY, 6 * DAY + HOUR, True),
        ("all rows left early", None, 7 * DAY, HOUR, 2 * HOUR, True),
        ("all rows aged out", None, 7 * DAY, 6 * DAY, 8 * DAY, False),
        ("nobody ever saw a row", None, None, 9 * DAY, None, False),
        ("the first rows ever, after less than a day", HOUR, None, 23 * HOUR, None, False),
        ("the first rows ever, after more than a day", HOUR, None, 25 * HOUR, None, True),
    ],
)
def test_a_gap_is_what_the_source_dropped_before_it_was_read(
    claim: str,
    oldest: timedelta | None,
    kept: timedelta | None,
    watermark: timedelta,
    newest_loaded: timedelta | None,
    is_gap: bool,  # noqa: FBT001 - a column of the table above
):
    loaded = None if newest_loaded is None else NOON - newest_loaded

    gap = a_look(oldest, kept).gap(NOON - watermark, loaded, NOON)

    assert (gap is not None) is is_gap, claim


def test_a_gap_ends_at_the_oldest_row_or_else_at_the_end_of_what_is_read():
    to_a_row = a_look(HOUR, DAY).gap(NOON - 2 * DAY, None, NOON)
    to_the_end = a_look(None, DAY).gap(NOON - 2 * DAY, None, NOON)

    assert to_a_row == Gap(NOON - 2 * DAY, NOON - HOUR)
    assert to_the_end == Gap(NOON - 2 * DAY, NOON)


@pytest.mark.parametrize(
    ("oldest", "kept", "gone", "now_kept"),
    [
        (HOUR, DAY, None, DAY),
        (HOUR, None, None, HOUR),
        (8 * DAY, DAY, None, 8 * DAY),
        (None, DAY, None, DAY),
        (None, None, None, None),
        (HOUR, 7 * DAY, 8 * DAY, 7 * DAY),
        (HOUR, 7 * DAY, 2 * DAY, DAY),
        (HOUR, 7 * DAY, HOUR, HOUR),
        (2 * DAY, 7 * DAY, 2 * DAY, 2 * DAY),
        (None, 7 * DAY, 2 * DAY, DAY),
        (None, None, 2 * DAY, None),
    ],
)
def test_rows_stay_for_as_long_as_was_ever_seen_unless_a_loaded_one_is_gone_sooner(
    oldest: timedelta | None,
    kept: timedelta | None,
    gone: timedelta | None,
    now_kept: timedelta | None,
):
    loaded = None if gone is None else NOON - gone

    assert a_look(oldest, kept).now_kept(loaded, NOON - DAY) == now_kept


@pytest.mark.parametrize(
    ("oldest", "kept", "shows_less"),
    [
        (6 * DAY, 7 * DAY, False),
        (6 * DAY - HOUR, 7 * DAY, True),
        (8 * DAY, 7 * DAY, False),
        (None, 7 * DAY, True),
        (HOUR, None, False),
    ],
)
def test_a_day_less_than_was_seen_is_nothing_to_look_into(
    oldest: timedelta | None,
    kept: timedelta | None,
    shows_less: bool,  # noqa: FBT001 - a column of the table above
):
    assert a_look(oldest, kept).shows_less is shows_less


def test_a_gap_with_young_rows_is_borne_out_while_one_of_them_is_where_it_was():
    gap = Gap(NOON - HOUR, NOON, young=NOON - DAY)

    assert gap.is_borne_out_by(NOON - 2 * HOUR)
    assert not gap.is_borne_out_by(NOON - DAY)
    assert not gap.is_borne_out_by(None)
    assert Gap(NOON - HOUR, NOON).is_borne_out_by(None)


def test_of_a_day_a_part_may_be_gone():
    look = Look(clock=NOON, oldest=date(2026, 2, 27), kept=2 * DAY)

    gap = look.gap(date(2026, 2, 27), None, date(2026, 3, 2))

    assert gap == Gap(date(2026, 2, 27), date(2026, 2, 28))


def test_days_are_looked_at_from_where_they_begin():
    look = Look(clock=NOON, oldest=date(2026, 2, 27), kept=2 * DAY)

    assert look.now_kept(None, None) == 2 * DAY + 12 * HOUR
    assert look.reaches(date(2026, 2, 28))
    assert look.gap(date(2026, 2, 26), None, date(2026, 3, 2)) == Gap(
        date(2026, 2, 26), date(2026, 2, 27)
    )


def test_a_warning_names_the_span_and_what_to_type():
    warning = Gap(NOON - DAY, NOON).warning("items")

    assert "2026-02-28T12:00:00.000000Z to 2026-03-01T12:00:00.000000Z" in warning
    assert warning.endswith("qupersync watermark ack-gap items")
    assert is_gap_warning(warning)
    assert not is_gap_warning("3 rows without a watermark value were loaded")


def test_a_number_has_no_time():
    with pytest.raises(TypeError):
        start_of(42)
