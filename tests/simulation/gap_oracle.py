"""Which gaps must be reported, and which must not.

The tool sees only the source's clock and its oldest row, once in each run. So it cannot know, and
is excused,

* if a row is lost that appeared behind the watermark: an older one may still be there;
* if the source once showed a row that was as old as the lost one is now: it may keep rows as long,
  unless a loaded row is gone too that is younger than that;
* if it never showed any row, and shows none now;
* if it reports a gap where nothing was dropped, but the watermark is older than all rows that it
  ever saw there, and than a day: a quiet source looks just like one that forgot;
* or if a loaded row is gone that was younger than others when they were still there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.attempt import Attempt, require
from tests.simulation.model import Stored
from tests.simulation.world import DAY, NOTHING, World, moment


@dataclass(slots=True, kw_only=True)
class GapOracle:
    """Remembers the greatest age of a row that any run may have seen, and has surely seen."""

    world: World
    perhaps_seen: timedelta = NOTHING
    surely_seen: timedelta = NOTHING

    def judge(self, attempt: Attempt, after: Stored, lost: Iterable[Any]) -> None:
        """Fail if a gap is missing, or one too many; ``lost`` are the stamps of lost rows."""
        new = after.gaps - attempt.before.gaps
        if attempt.clock is None or not attempt.has_read:
            require(
                not new or attempt.is_shared, "a gap was reported by a run that read nothing", new
            )
            return
        if not attempt.is_shared:
            self._each_is_true(attempt, attempt.clock, new)
            self._each_loss_is_told(attempt, attempt.clock, after, lost)
        age = self._age(attempt, attempt.clock)
        self.perhaps_seen = max(self.perhaps_seen, age)
        has_moved = after.watermark != attempt.before.watermark
        if attempt.is_success and (attempt.is_due or has_moved):
            self.surely_seen = max(self._still_kept(attempt, attempt.clock), age)

    def _each_is_true(self, attempt: Attempt, clock: datetime, new: Collection[Any]) -> None:
        for low, high in new:
            gap = f"{low} to {high}"
            require(low == attempt.before.watermark, "a gap begins elsewhere", gap)
            require(low < high, "a gap has no length", gap)
            # Of the date of the watermark itself rows may be there while others have gone.
            first = low + DAY if self.world.setup.is_date else low
            stamps = [row.stamp for row in self.world.visible().values()]
            held = [stamp for stamp in stamps if first <= stamp < high]
            require(not held, "a gap covers rows that are there", gap, held)
            is_excused = clock - moment(low) > max(DAY, self.surely_seen)
            is_excused |= self._one_left_early(attempt, clock, self.perhaps_seen)
            is_true = self.world.gone_before > moment(low)
            require(is_true or is_excused, "a gap is reported, but nothing was dropped", gap)

    def _each_loss_is_told(
        self, attempt: Attempt, clock: datetime, after: Stored, lost: Iterable[Any]
    ) -> None:
        was, end = attempt.before.watermark, attempt.shown
        has_passed = was is not None and was < after.watermark
        shows_some = self.surely_seen or self._age(attempt, clock)
        left_early = self._one_left_early(attempt, clock, self.surely_seen)
        for stamp in lost:
            is_due = has_passed and was <= stamp < end
            is_old = clock - moment(stamp) > max(DAY, self.perhaps_seen)
            if is_due and shows_some and (is_old or left_early):
                is_told = any(low <= stamp < high for low, high in after.gaps)
                require(is_told, "a row was dropped unread, and no gap says so", stamp, after.gaps)

    def _one_left_early(self, attempt: Attempt, clock: datetime, seen: timedelta) -> bool:
        """Tell whether a row from behind the watermark is gone that was younger than ``seen``."""
        was, young = attempt.before.watermark, clock - seen
        stamps = (stamp for _, stamp in attempt.before.rows.values())
        gone = (stamp for stamp in stamps if young < moment(stamp) < self.world.gone_before)
        return was is not None and any(stamp < was for stamp in gone)

    def _still_kept(self, attempt: Attempt, clock: datetime) -> timedelta:
        """Return for how long rows stay, now that a loaded one may be gone that was younger."""
        was = attempt.before.watermark
        stamps = [moment(stamp) for _, stamp in attempt.before.rows.values()]
        gone = max((at for at in stamps if at < self.world.gone_before), default=None)
        if was is None or gone is None or clock - gone >= self.surely_seen:
            return self.surely_seen
        return max(NOTHING, moment(was) - gone)

    def _age(self, attempt: Attempt, clock: datetime) -> timedelta:
        """Return the age of the oldest row that a look finds, or nothing."""
        end = attempt.shown
        stamps = [row.stamp for row in self.world.visible().values() if row.stamp < end]
        return clock - moment(min(stamps)) if stamps else NOTHING
