"""The faults that are armed now, shared by the test that arms them and the sessions they strike."""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from qupersync.demo.faults import AfterBytes, AfterRows, Delay, Fault, Passing, What, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A fault that has come, once ``sent_before`` bytes of the message have gone out."""

    what: What
    sent_before: int


class Faults:
    """A plan of faults; they can be armed and disarmed from any thread while sessions run."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = Lock()
        self._left = Counter({fault: fault.times for fault in faults})

    def arm(self, fault: Fault) -> Fault:
        """Let the fault come as often as it says, and return it."""
        with self._lock:
            self._left[fault] = fault.times
        return fault

    def disarm(self, *faults: Fault) -> None:
        """Let these faults come no more, or none at all; who is held by them is let go."""
        with self._lock:
            for fault in faults or tuple(self._left):
                del self._left[fault]
                if isinstance(fault.what, Delay):
                    fault.what.until.set()

    def watch(self) -> "FaultWatch":
        """Return the eyes of one new session."""
        return FaultWatch(self)

    def armed(self) -> tuple[Fault, ...]:
        """Return the faults that have still to come."""
        with self._lock:
            return tuple(fault for fault, left in self._left.items() if left > 0)

    def claim(self, fault: Fault) -> bool:
        """Take one of the times that the fault may still come; say whether there was one."""
        with self._lock:
            granted = self._left[fault] > 0
            self._left[fault] -= granted
        if granted:
            fault.reached.set()
        return granted


class FaultWatch:
    """Counts the messages of one session towards the faults of a plan."""

    def __init__(self, plan: Faults) -> None:
        self._plan = plan
        self._seen: Counter[Fault] = Counter()

    def strike(self, passing: Passing) -> Strike | None:
        """Count the message, and return the fault that it brings, if it does."""
        struck = None
        for fault in self._plan.armed():
            seen = self._seen[fault]
            self._seen[fault] += fault.when.counted(passing)
            if self._seen[fault] < fault.when.count:
                continue
            self._seen[fault] = 0
            if struck is None and self._plan.claim(fault):
                before = _sent_before(fault.when, passing, seen)
                struck = Strike(what=fault.what, sent_before=before)
        return struck


def _sent_before(when: When, passing: Passing, seen: int) -> int:
    match when:
        case AfterRows():
            return passing.size
        case AfterBytes():
            return when.count - seen
        case _:
            return 0
