"""Every SQLSTATE of the target whose end is known, raised by a trigger."""

import pytest

from tests.faults import test_target_errors as errors
from tests.faults.site import Site


@pytest.mark.parametrize("state", errors.CONFLICTS)
def test_each_conflict_is_tried_again_in_the_batch(site: Site, state: str):
    errors.is_tried_again_in_the_batch(site, state)


@pytest.mark.parametrize("state", errors.STAYING)
def test_each_error_that_stays_ends_the_run_by_its_name(site: Site, state: str):
    errors.ends_the_run_by_its_name(site, state)


@pytest.mark.parametrize("state", errors.OF_ROWS)
def test_each_row_that_is_refused_is_set_aside_once_and_alone(site: Site, state: str):
    errors.is_set_aside_once_and_alone(site, state)
