"""Whether a failed attempt is followed by another, and how long after."""

from dataclasses import dataclass

from qupersync.domain.errors import LeaseLostError, QuperSyncError, ResourceError, TimeLimitError

# A query that the server gave up, or a full disk: each try costs much and seldom helps.
COSTLY = (ResourceError, TimeLimitError)
COSTLY_TRIES = 2
# Of ``first_s``: room is not made within a second.
RESOURCE_FACTOR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """At most ``tries`` retries in a row, with exponential backoff and full jitter.

    The first wait is ``first_s`` seconds at most, each one after it twice as much, none is more
    than ``cap_s``. Without tries nothing is retried.
    """

    tries: int = 5
    first_s: float = 1.0
    cap_s: float = 60.0

    def wait_s(
        self, error: QuperSyncError, *, failures: int, chance: float, left_s: float
    ) -> float | None:
        """Return how many seconds to wait before the next attempt, None if there is none.

        ``failures`` is the number of attempts in a row that failed and stored nothing, with the
        one that ``error`` ended; ``chance`` is a random number from 0 to 1. An attempt that could
        only begin when the job's time, of which ``left_s`` is left, is over, is none.
        """
        tries = min(self.tries, COSTLY_TRIES) if isinstance(error, COSTLY) else self.tries
        # Whoever took the lease over has the job now.
        if not error.retryable or isinstance(error, LeaseLostError) or failures > tries:
            return None
        least_s = RESOURCE_FACTOR * self.first_s if isinstance(error, ResourceError) else 0.0
        wait_s = least_s + chance * min(self.cap_s, self.first_s * 2.0 ** (failures - 1))
        wait_s = min(self.cap_s, wait_s)
        return wait_s if wait_s < left_s else None
