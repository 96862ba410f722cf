"""Moments and points as people type them: an age, an ISO date, an ISO time, a whole number."""

import re
from datetime import UTC, date, datetime, tzinfo

from qupersync.domain.duration import PATTERN, parse_duration
from qupersync.domain.watermark import Point, WatermarkType

_BIGINT = range(-(2**63), 2**63)


def parse_moment(text: str, *, zone: tzinfo, now: datetime) -> datetime:
    """Read an age before ``now``, like 7d, or an ISO date or time; return it in UTC.

    A date is its midnight; without an offset it is the time of the clocks in ``zone``.

    Raises:
        ValueError: anything else, or a time that no calendar has in UTC.
    """
    if re.fullmatch(PATTERN, text, re.ASCII):
        return now.astimezone(UTC) - parse_duration(text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected an ISO date or time, or an age like 7d") from None


def parse_point(text: str, *, kind: WatermarkType, zone: tzinfo, now: datetime) -> Point:
    """Read a point of a watermark's type; an age and a time are days of UTC for a date.

    Raises:
        ValueError: not a point of this type.
    """
    match kind:
        case WatermarkType.BIGINT:
            return _whole_number(text)
        case WatermarkType.DATE:
            return _day(text) or parse_moment(text, zone=zone, now=now).date()
        case _:
            return parse_moment(text, zone=zone, now=now)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _whole_number(text: str) -> int:
    # At most as many digits as fit: int() refuses thousands of them with words of its own.
    number = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) else None
    if number is None or number not in _BIGINT:
        raise ValueError("expected a whole number of at most 64 bits")
    return number
