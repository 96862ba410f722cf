"""Watermarks and windows: where a run reads from, up to where, and what it may claim after."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

Point = datetime | date | int
DAY = timedelta(days=1)
MAX_CHUNKS = 100


class WatermarkType(StrEnum):
    """The column types that may carry a watermark."""

    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    DATE = "date"
    BIGINT = "bigint"

    @property
    def python(self) -> type[Point]:
        """Return the class of a point of this type."""
        return {"bigint": int, "date": date}.get(self.value, datetime)

    def read(self, text: str | None) -> Point | None:
        """Read a row's value; None for none, and for what has no place among points."""
        try:
            return None if text is None else self.parse(text)
        except ValueError:
            return None

    def parse(self, text: str) -> Point:
        """Read the canonical form that ``canonical`` writes; also any ISO time.

        Raises:
            ValueError: not a value of this type; a time without a zone counts as UTC.
        """
        match self:
            case WatermarkType.BIGINT:
                return int(text)
            case WatermarkType.DATE:
                return date.fromisoformat(text)
            case _:
                moment = datetime.fromisoformat(text)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def canonical(point: Point) -> str:
    """Write a point in the one form that is stored: microseconds and ``Z``, ISO date, decimal."""
    match point:
        case datetime():
            return point.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)
        case date():
            return point.isoformat()
        case _:
            return str(point)


def literal(point: Point, kind: WatermarkType = WatermarkType.TIMESTAMP) -> str:
    """Render a point as a typed SQL literal; nothing else ever enters a job's SQL.

    A time is naive UTC with six digits, because Redshift's system times are ``timestamp``
    in UTC and the source session is set to UTC; ``kind`` may make it a ``timestamptz``.
    """
    match point:
        case datetime():
            naive = point.astimezone(UTC).replace(tzinfo=None)
            return f"{kind} '{naive.isoformat(sep=' ', timespec='microseconds')}'"
        case date():
            return f"date '{point.isoformat()}'"
        case _:
            return str(int(point))


# Before anything that a job could want: a query with this low asks for all that there is.
EPOCH: dict[WatermarkType, Point] = {
    WatermarkType.TIMESTAMP: datetime(1970, 1, 1, tzinfo=UTC),
    WatermarkType.TIMESTAMPTZ: datetime(1970, 1, 1, tzinfo=UTC),
    WatermarkType.DATE: date(1970, 1, 1),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval ``[low, high)``; without ``high`` it is open above (bigint)."""

    low: Point
    high: Point | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether no row can be inside."""
        return self.high is not None and not before(self.low, self.high)

    def holds(self, point: Point) -> bool:
        """Tell whether a point is inside."""
        is_above = self.high is not None and not before(point, self.high)
        return not before(point, self.low) and not is_above

    def share(self, point: Point) -> float:
        """Return how far into the window a point lies, from 0 to 1; 1 if it is open or empty."""
        if self.high is None or self.is_empty:
            return 1.0
        low = comparable(self.low)
        return float((comparable(point) - low) / (comparable(self.high) - low))

    def pieces(self, length: timedelta, most: int = MAX_CHUNKS) -> Iterator["Window"]:
        """Split into windows of ``length``, oldest first, or of more if these were too many.

        Days stay whole. A window open above, or an empty one, is one piece.
        """
        if self.high is None or self.is_empty or isinstance(self.low, int):
            yield self
            return
        whole: timedelta = comparable(self.high) - comparable(self.low)
        step = max(length, -(-whole // most))
        if not isinstance(self.low, datetime):
            step = timedelta(days=-(-step // DAY))
        low: Point = self.low
        while before(low, self.high):
            high = min(comparable(low) + step, self.high, key=comparable)
            yield Window(low, high)
            low = high


def comparable(point: Point) -> Any:
    """Return the point as what may be compared with others of its type."""
    return point


def before(one: Point, other: Point) -> bool:
    """Tell whether one point lies before another of its type."""
    return bool(comparable(one) < comparable(other))


def latest(one: Point | None, other: Point) -> Point:
    """Return the later of two points of one type: a watermark never moves back."""
    return other if one is None else max(one, other, key=comparable)


def earliest(one: Point | None, other: Point) -> Point:
    """Return the earlier of two points of one type."""
    return other if one is None else min(one, other, key=comparable)


def back(point: Point, overlap: timedelta | int) -> Point:
    """Return the point that lies ``overlap`` behind another one; for a date in whole days."""
    if isinstance(overlap, int) or isinstance(point, datetime):
        return cast("Point", comparable(point) - overlap)
    return cast("Point", comparable(point) - timedelta(days=-(-overlap // DAY)))
