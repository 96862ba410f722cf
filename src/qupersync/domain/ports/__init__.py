"""What the application needs of the outside world: the only promises that adapters keep."""

from qupersync.domain.ports.process import Chance, Clock, Heartbeat, NewId, Stop
from qupersync.domain.ports.records import (
    Doubt,
    InDoubtError,
    Lease,
    Leases,
    PastRuns,
    RunLog,
    State,
)
from qupersync.domain.ports.source import Original, Source
from qupersync.domain.ports.target import Copy, Staged, Table, Target
from qupersync.domain.ports.unit import Entry, Look, Merged, Terms, Unit

__all__ = [
    "Chance", "Clock", "Copy", "Doubt", "Entry", "Heartbeat", "InDoubtError", "Lease", "Leases",
    "Look", "Merged", "NewId", "Original", "PastRuns", "RunLog", "Source", "Staged", "State",
    "Stop", "Table", "Target", "Terms", "Unit",
]  # fmt: skip
