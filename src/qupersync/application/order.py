"""What a caller asks of one pass over some jobs."""

from dataclasses import dataclass
from uuid import UUID

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.frontier import Joint
from qupersync.domain.job import Flavor, Job
from qupersync.domain.load_path import LoadPath
from qupersync.domain.run import Trigger
from qupersync.domain.watermark import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One pass: who asks, and what differs from the jobs' own settings.

    ``batch_rows`` is None for each job's own. ``refusal`` is the reason why the source is not
    even asked: each job then only records it. With ``waits`` a held job is waited for.

    ``window`` is what to read instead of what is due, at once if ``is_whole``. It moves the
    watermark only if it begins where the next run would, or at its ``joint``, or earlier.
    ``replay_of`` is the run that read this window before.
    """

    source: str
    trigger: Trigger
    correlation_id: UUID
    flavor: Flavor = Flavor.PROVISIONED
    batch_rows: int | None = None
    from_initial: bool = False
    allow_deletes: bool = False
    refusal: QuperSyncError | None = None
    window: Window | None = None
    is_whole: bool = False
    joint: Joint | None = None
    replay_of: UUID | None = None
    waits: bool = False

    @property
    def keeps_newer(self) -> bool:
        """Tell whether a row of the target stays that is newer than the one that is read.

        Where a key comes again, a window of the past holds its older versions. A repair is to
        make the target what the source is.
        """
        is_past = self.window is not None or self.from_initial
        return is_past and self.trigger is not Trigger.VERIFY

    def batch_rows_of(self, job: Job, path: LoadPath) -> int:
        """Return how many rows of this job go into one transaction."""
        return self.batch_rows or job.batch_size or path.batch_rows
