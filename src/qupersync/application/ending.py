"""How a run ends well: what was seen is judged, and the run is closed with its last rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qupersync.application.due import Due
from qupersync.application.source_look import Sighting, settled
from qupersync.domain.gap import Gap
from qupersync.domain.job import Job
from qupersync.domain.margin import margin_warnings
from qupersync.domain.observed import Observed
from qupersync.domain.ports import Table, Unit
from qupersync.domain.run import Run
from qupersync.domain.watermark import Window, before, canonical


@dataclass(slots=True, kw_only=True)
class Ending:
    """What goes into the transaction of a run's last batch, besides its rows.

    Unless it ``closes`` the run, something else follows that does.
    """

    job: Job
    due: Due
    sighting: Sighting | None
    pieces: Sequence[Window]
    advances: bool
    closes: bool
    gap: Gap | None = None
    warnings: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Ask the source what is to be known; the lease must not be locked meanwhile."""
        if self.sighting is not None and len(self.pieces) > 1:
            # A single piece was read right after the first look.
            self.gap, self.warnings = self.sighting.look_again(self.pieces[0].high)

    def __call__(self, unit: Unit, table: Table, run: Run, seen: Observed) -> Run:
        """Judge what was seen, and close the run; ``table`` is that of the unit's connection."""
        run = run.warned(*seen.warnings())
        run = run.warned(*margin_warnings(run.lateness, self.due.spec.overlap))
        run = run.warned(*self._forgotten(seen))
        if self.advances:
            sighting = self.sighting and replace(self.sighting, table=table)
            judged = settled(self.job, table, sighting, self.gap)
            run = run.warned(*self.warnings, *judged)
        return unit.close(run) if self.closes else run

    def _forgotten(self, seen: Observed) -> Iterator[str]:
        """Warn of rows that may still change, and that no run is going to read again."""
        point, low = seen.oldest_open, self.due.frontier.window().low
        if not self.advances and point is not None and before(point, low):
            yield (
                f"rows from {canonical(point)} on are not settled and lie behind the watermark: "
                "read them again later"
            )
