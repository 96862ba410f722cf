"""A row of numbers as a small drawing that loads nothing and can be read aloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from qupersync.interface.html import element

HEIGHT = 28
PLACES = 30
_STEP, _BAR, _LEAST = 5, 4, 1.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One run: its number and whether it ended well."""

    value: int
    is_well: bool


def sparkline(name: str, title: str, bars: Sequence[Bar], told: str) -> Element:
    """Draw a bar for each of the runs, the oldest first, at the right end of ``PLACES`` places.

    A run that did not end well has a band of full height behind its bar, so that it shows without
    colors too. ``name`` is unique on the page; ``told`` says the same in words.
    """
    top = max((bar.value for bar in bars), default=0) or 1
    start = _STEP * (PLACES - len(bars))
    heights = [_height(bar.value, top) for bar in bars]
    corners = [(start + _STEP * at, height) for at, height in enumerate(heights)]
    bad = [(x, float(HEIGHT)) for (x, _), bar in zip(corners, bars, strict=True) if not bar.is_well]
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", told, id=f"{name}-desc"),
        element("path", d=_path(bad), class_="bad"),
        element("path", d=_path(corners), class_="bar"),
        viewBox=f"0 0 {_STEP * PLACES} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _height(value: int, top: int) -> float:
    return max(_LEAST, round(HEIGHT * value / top, 1))


def _path(bars: Sequence[tuple[int, float]]) -> str:
    return "".join(f"M{x} {HEIGHT}v-{height}h{_BAR}v{height}z" for x, height in bars)
