"""How many rejects a run may have, and what it says when there are more."""

import pytest

from qupersync.domain.allowance import Allowance
from qupersync.domain.batch import Refusal, Reject
from qupersync.domain.errors import TooManyRejectsError
from qupersync.domain.rejects import RejectBudget


def rejects(count: int, reason: str = "required", column: str = "name", start: int = 0):
    return [
        Reject(
            payload=b"secret %d" % number, payload_format="test", refusal=Refusal(reason, column)
        )
        for number in range(start, start + count)
    ]


def test_rows_as_many_as_allowed_pass_and_one_more_does_not():
    budget = RejectBudget(Allowance(rows=3))
    budget.spend(rejects(2), 10)
    budget.spend(rejects(1, start=2), 20)

    with pytest.raises(TooManyRejectsError):
        budget.spend(rejects(1, start=3), 30)


def test_a_row_seen_again_is_not_counted_again():
    budget = RejectBudget(Allowance(rows=1))

    budget.spend(rejects(1) * 3, 3)
    budget.spend(rejects(1), 4, at_end=True)

    assert len(budget.seen) == 1


def test_a_share_is_tested_after_a_thousand_rows():
    budget = RejectBudget(Allowance(share=0.01))
    budget.spend(rejects(10), 999)
    budget.spend((), 1_000)

    with pytest.raises(TooManyRejectsError):
        budget.spend(rejects(1, start=10), 1_001)


def test_a_share_is_tested_at_the_end_of_a_short_run():
    budget = RejectBudget(Allowance(share=0.5))
    budget.spend(rejects(2), 3)

    with pytest.raises(TooManyRejectsError):
        budget.spend((), 3, at_end=True)


def test_the_error_counts_reasons_and_columns_and_tells_no_value():
    budget = RejectBudget(Allowance(rows=2))
    found = rejects(2, "lossy-cast", "price") + rejects(1, "not-utf8", "", start=2)

    with pytest.raises(TooManyRejectsError) as caught:
        budget.spend(found, 3)

    assert (
        str(caught.value) == "3 rows rejected, allowed are 2: 2 lossy-cast in 'price', 1 not-utf8"
    )
