"""The ways of a job's rows into the target, as parameters of a fault test."""

import pytest

RAW = pytest.param("copy", id="raw")
CHECKED = pytest.param("auto", id="checked")  # the batches are too small for anything else
on_both_paths = pytest.mark.parametrize("load", [CHECKED, RAW])
on_the_raw_path = pytest.mark.parametrize("load", [RAW])
