"""A watermark that somebody moves by hand, and what the next run makes of it."""

from dataclasses import dataclass

from qupersync.domain.watermark import Point, before


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A job's watermark as it is, and as somebody wants it: ``after`` is None to forget it.

    ``low`` is where the next run will begin to read, None if it begins at the job's ``initial``.
    """

    job: str
    before: Point | None
    after: Point | None
    low: Point | None

    @property
    def goes_back(self) -> bool:
        """Tell whether rows that were read will be read again."""
        if self.before is None or type(self.after) is not type(self.before):
            return False
        return before(self.after, self.before)
