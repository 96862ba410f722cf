"""Every kind of failure is told, sorted and retried in one way."""

import pytest

from qupersync.domain.errors import Kind, LeaseLostError, QuperSyncError, RowsRefusedError
from tests.docs.reference import kinds_of_error

RETRIED = {Kind.TRANSIENT, Kind.CONFLICT, Kind.RESOURCE, Kind.TIMEOUT}


@pytest.mark.parametrize("kind", kinds_of_error().values())
def test_the_kind_says_whether_a_retry_may_help(kind: type[QuperSyncError]):
    # Whoever took a lease over has the job; the run that lost it is dead, and not retried.
    assert kind.retryable is (kind.kind in RETRIED or kind is LeaseLostError)


def test_each_kind_is_that_of_an_error():
    assert {error.kind for error in kinds_of_error().values()} == set(Kind)


def test_without_words_an_error_says_what_its_class_says():
    error = RowsRefusedError(sqlstate="22P02", column="n")

    assert str(error).startswith("The target refused at least one row")
    assert (error.hint, error.sqlstate, error.column) == (RowsRefusedError.hint, "22P02", "n")
