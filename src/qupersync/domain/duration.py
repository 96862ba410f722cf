"""Durations as people type them: ``7d``, ``36h``, ``1w2d``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PATTERN = r"(?:[0-9]+[wdhms])+"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_LONGEST = timedelta(days=3660)


def parse_duration(text: object) -> timedelta:
    """Read ``([0-9]+[wdhms])+``, each unit once; ``m`` is minutes.

    Raises:
        ValueError: anything else, a bare number included; also more than ten years, which
            no window of a log needs and which would leave the calendar.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text, re.ASCII):
        raise ValueError("expected a duration like 30s, 15m, 36h, 7d or 1w2d")
    parts = re.findall(r"([0-9]+)([wdhms])", text)
    if len({unit for _, unit in parts}) < len(parts):
        raise ValueError("each unit of a duration may stand once")
    if any(len(number) > len("999999999") for number, _ in parts):
        raise ValueError("a duration may be at most ten years")
    duration = sum((timedelta(**{_UNITS[u]: int(n)}) for n, u in parts), timedelta())
    if duration > _LONGEST:
        raise ValueError("a duration may be at most ten years")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration so that ``parse_duration`` reads it back (whole seconds)."""
    rest = int(duration.total_seconds())
    text = ""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, seconds)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{PATTERN}$"}),
]
