"""One pass over some jobs, as the command line asks for it and is told of it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from qupersync.domain.run import Run, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says about one pass; None and empty leave the choice to the jobs."""

    names: Sequence[str] = ()
    tags: Sequence[str] = ()
    exclude: Sequence[str] = ()
    threads: int = 1
    fail_fast: bool = False
    batch_rows: int | None = None
    from_initial: bool = False
    allow_deletes: bool = False
    waits: bool = False
    trigger: Trigger | None = None
    pass_id: UUID = field(default_factory=uuid4)

    @property
    def asked_by(self) -> Trigger:
        """Return who asks; nobody sits at a terminal when cron does."""
        return self.trigger or (Trigger.MANUAL if sys.stderr.isatty() else Trigger.CRON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a pass; ``signal`` is the number that ended it, or 0."""

    runs: tuple[Run, ...]
    errors: tuple[BaseException, ...]
    refusal_code: str
    signal: int
