"""When a failed attempt is followed by another, and how long after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain import errors
from qupersync.domain.errors import QuperSyncError
from qupersync.domain.ports import InDoubtError
from qupersync.domain.retry import Retry

AGES = 1e9


def of(kind: type[QuperSyncError]) -> list[type[QuperSyncError]]:
    """Return a class of errors and all that are made from it."""
    return [kind, *(deep for sub in kind.__subclasses__() for deep in of(sub))]


# One is told of a commit besides: it is as retryable as what it is made from.
EVERY = [kind for kind in of(QuperSyncError) if kind is not InDoubtError]
RETRIED = [kind for kind in EVERY if kind.retryable and kind is not errors.LeaseLostError]
GIVEN_UP = [kind for kind in EVERY if kind not in RETRIED]


def waits(error: QuperSyncError, retry: Retry, chance: float = 1.0) -> list[float]:
    """Return all waits of a run whose attempts never store anything."""
    found: list[float] = []
    while len(found) < 20:
        wait = retry.wait_s(error, failures=len(found) + 1, chance=chance, left_s=AGES)
        if wait is None:
            return found
        found.append(wait)
    raise AssertionError("it never ends")


def test_the_longest_waits_double_up_to_the_cap():
    retry = Retry(tries=8)

    assert waits(errors.SourceUnavailableError(), retry) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_jitter_is_full():
    assert waits(errors.SourceUnavailableError(), Retry(), chance=0.0) == [0] * 5
    assert waits(errors.SourceUnavailableError(), Retry(), chance=0.5) == [0.5, 1, 2, 4, 8]


def test_a_lack_of_room_is_waited_for_long_and_seldom():
    assert waits(errors.ResourceError(), Retry(), chance=0.0) == [10, 10]
    assert waits(errors.ResourceError(), Retry(), chance=1.0) == [11, 12]


def test_a_query_that_takes_too_long_is_tried_seldom():
    assert len(waits(errors.TimeLimitError(), Retry())) == 2


@pytest.mark.parametrize("kind", GIVEN_UP, ids=lambda kind: kind.__name__)
def test_what_no_retry_cures_is_never_retried(kind: type[QuperSyncError]):
    assert waits(kind("why"), Retry()) == []


def test_a_refused_login_is_among_them():
    assert errors.LoginRefusedError in GIVEN_UP


@pytest.mark.parametrize("kind", RETRIED, ids=lambda kind: kind.__name__)
def test_without_tries_nothing_is_retried(kind: type[QuperSyncError]):
    assert waits(kind(), Retry(tries=0)) == []


@pytest.mark.parametrize(("left_s", "wait_s"), [(1.01, 1.0), (1.0, None), (0.0, None), (-5, None)])
def test_no_attempt_begins_when_the_jobs_time_is_over(left_s: float, wait_s: float | None):
    error = errors.TargetUnavailableError()

    assert Retry().wait_s(error, failures=1, chance=1.0, left_s=left_s) == wait_s


@given(
    kind=st.sampled_from(EVERY),
    tries=st.integers(0, 100),
    first_s=st.floats(0, 100),
    failures=st.integers(1, 200),
    chance=st.floats(0, 1),
    left_s=st.floats(-10, 1e6),
)
def test_a_wait_is_within_all_bounds(
    kind: type[QuperSyncError],
    tries: int,
    first_s: float,
    failures: int,
    chance: float,
    left_s: float,
):
    retry = Retry(tries=tries, first_s=first_s)

    wait = retry.wait_s(kind("why"), failures=failures, chance=chance, left_s=left_s)

    assert wait is None or (kind.retryable and failures <= tries and 0 <= wait <= retry.cap_s)
    assert wait is None or wait < left_s


@given(failures=st.integers(1, 100), chance=st.floats(0, 1), factor=st.floats(0, 1))
def test_a_smaller_number_never_waits_longer(failures: int, chance: float, factor: float):
    retry, error = Retry(tries=100), errors.SourceUnavailableError()

    less = retry.wait_s(error, failures=failures, chance=chance * factor, left_s=AGES)
    more = retry.wait_s(error, failures=failures, chance=chance, left_s=AGES)

    assert less is not None
    assert more is not None
    assert less <= more
