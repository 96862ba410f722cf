"""A job's change of state: the one thing that is worth a message to people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A job that worked and now fails, or the other way round."""

    job: str
    is_failure: bool
    error: str = ""
    error_code: str = ""
