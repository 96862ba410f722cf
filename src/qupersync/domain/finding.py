"""What a check-up found: one line about one thing, and what to type about it."""

from dataclasses import dataclass
from enum import StrEnum

from qupersync.domain.errors import QuperSyncError


class State(StrEnum):
    """How a thing stands: well, worth a look, or such that a run would fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``remedy`` is the command or statement that repairs it."""

    subject: str
    state: State
    text: str
    remedy: str = ""

    @classmethod
    def ok(cls, subject: str, text: str) -> "Finding":
        """Say that a thing is as it should be."""
        return cls(subject, State.OK, text)

    @classmethod
    def warn(cls, subject: str, text: str, remedy: str) -> "Finding":
        """Say that jobs run, but somebody should look."""
        return cls(subject, State.WARN, text, remedy)

    @classmethod
    def fail(cls, subject: str, text: str, remedy: str) -> "Finding":
        """Say that a run would fail."""
        return cls(subject, State.FAIL, text, remedy)

    @classmethod
    def of_error(cls, subject: str, error: QuperSyncError) -> "Finding":
        """Say in the error's own words why a run would fail."""
        return cls.fail(subject, " ".join(str(error).split()), error.hint)

    @classmethod
    def unchecked(cls, subject: str, because: str) -> "Finding":
        """Say that nobody looked: not knowing is not ok."""
        return cls.warn(subject, f"not checked: {because}", "repair that, then: qupersync doctor")
