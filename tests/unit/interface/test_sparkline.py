"""Numbers of runs as a drawing."""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pytest

from qupersync.interface.sparkline import HEIGHT, PLACES, Bar, sparkline

WIDTH = 5 * PLACES


def drawn(bars: Sequence[Bar]) -> Element:
    return sparkline("items-rows", "Rows", bars, "told")


def bars_of(drawing: Element, kind: str) -> list[tuple[int, float]]:
    """Where each bar begins and how high it is."""
    [path] = [part for part in drawing.iter("path") if part.get("class") == kind]
    found = re.findall(rf"M(\d+) {HEIGHT}v-([\d.]+)h", path.get("d") or "")
    return [(int(x), float(height)) for x, height in found]


def test_the_highest_bar_is_as_high_as_the_drawing_and_the_newest_at_the_right():
    drawing = drawn([Bar(50, is_well=True), Bar(100, is_well=True)])

    assert bars_of(drawing, "bar") == [(WIDTH - 10, HEIGHT / 2), (WIDTH - 5, HEIGHT)]
    assert drawing.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"


def test_a_run_that_did_not_end_well_has_a_band_of_full_height():
    drawing = drawn([Bar(0, is_well=False), Bar(100, is_well=True)])

    assert bars_of(drawing, "bad") == [(WIDTH - 10, HEIGHT)]


@pytest.mark.parametrize("values", [(0, 0), (1, 10**15)])
def test_a_small_number_can_still_be_seen(values: tuple[int, int]):
    drawing = drawn([Bar(value, is_well=True) for value in values])

    assert all(height > 1 for _, height in bars_of(drawing, "bar"))


def test_no_runs_are_an_empty_drawing():
    assert bars_of(drawn([]), "bar") == []
