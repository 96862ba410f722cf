from datetime import UTC, date, datetime, timedelta

import pytest

from qupersync.domain.verdict import Content, Difference, Proof, Verdict, since
from qupersync.domain.watermark import Window

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(low: int, high: int) -> Window:
    return Window(NOON + low * HOUR, NOON + high * HOUR)


def differing(*windows: Window) -> tuple[Difference, ...]:
    return tuple(Difference(window=w, source=Content(1, 1), target=Content()) for w in windows)


@pytest.mark.parametrize(
    ("verdict", "proof"),
    [
        (Verdict(job="a"), Proof.OK),
        (Verdict(job="a", holes=(hours(0, 1),)), Proof.HOLES),
        (Verdict(job="a", differences=differing(hours(0, 1))), Proof.DIFFERS),
        (
            Verdict(job="a", holes=(hours(0, 1),), differences=differing(hours(0, 1))),
            Proof.DIFFERS,
        ),
        (Verdict(job="a", reason="it never ran"), Proof.UNVERIFIABLE),
    ],
)
def test_the_worst_that_is_known_is_the_verdict(verdict: Verdict, proof: Proof):
    assert verdict.proof is proof


def test_what_is_older_than_the_sources_oldest_row_is_cut_off():
    windows = [hours(0, 1), hours(1, 3), hours(3, 4)]

    assert list(since(NOON + 2 * HOUR, windows)) == [hours(2, 3), hours(3, 4)]


def test_a_window_that_ends_at_the_oldest_row_holds_nothing():
    assert list(since(NOON + HOUR, [hours(0, 1)])) == []


def test_a_source_without_rows_holds_nothing_of_any_window():
    assert list(since(None, [hours(0, 1)])) == []


def test_days_are_cut_off_like_hours():
    window = Window(date(2026, 3, 1), date(2026, 3, 4))

    assert list(since(date(2026, 3, 3), [window])) == [Window(date(2026, 3, 3), date(2026, 3, 4))]


def test_a_hole_is_lost_if_it_ends_before_the_oldest_row():
    verdict = Verdict(job="a", oldest=NOON + HOUR, holes=(hours(0, 1), hours(0, 2)))

    assert [verdict.is_lost(hole) for hole in verdict.holes] == [True, False]


def test_a_repair_reads_what_is_left_of_holes_and_each_stretch_once():
    verdict = Verdict(
        job="a",
        oldest=NOON + HOUR,
        holes=(hours(0, 1), hours(0, 4)),
        differences=differing(hours(1, 2), hours(3, 5), hours(6, 7)),
    )

    assert list(verdict.repairable()) == [hours(1, 4), hours(3, 5), hours(6, 7)]


def test_the_parts_of_holes_behind_the_oldest_row_are_lost():
    holes = (hours(-2, -1), hours(0, 4), hours(5, 6))

    assert list(Verdict(job="a", oldest=NOON + HOUR, holes=holes).lost()) == [
        hours(-2, -1), hours(0, 1),
    ]  # fmt: skip
    assert list(Verdict(job="a", holes=holes).lost()) == list(holes)


def test_the_windows_together_are_what_was_compared():
    assert Verdict(job="a", windows=(hours(0, 1), hours(1, 2))).compared == hours(0, 2)
    assert Verdict(job="a").compared is None
