"""Allowances: rows or shares, and their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from qupersync.domain.allowance import Allowance, RowsOrShare


@pytest.mark.parametrize(
    ("value", "allowance"),
    [
        (0, Allowance(rows=0)),
        (100, Allowance(rows=100)),
        ("1%", Allowance(share=0.01)),
        ("0.5%", Allowance(share=0.005)),
        ("100%", Allowance(share=1.0)),
        (Allowance(rows=3), Allowance(rows=3)),
    ],
)
def test_rows_and_shares_are_read(value, allowance):
    assert Allowance.parse(value) == allowance


@pytest.mark.parametrize("value", [-1, True, None, 1.5, "100", "101%", "100.1%", "-1%", "%", "1 %"])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match="expected a number of rows"):
        Allowance.parse(value)


@pytest.mark.parametrize(
    ("value", "count", "total", "exceeded"),
    [
        (0, 0, 10, False),
        (0, 1, 10, True),
        (100, 100, 100, False),
        (100, 101, 1_000_000, True),
        ("50%", 5, 10, False),
        ("50%", 6, 10, True),
        ("0%", 0, 0, False),
        ("100%", 10, 10, False),
    ],
)
def test_only_more_than_the_allowance_exceeds_it(value, count, total, exceeded):
    assert Allowance.parse(value).is_exceeded(count, total) is exceeded


@given(st.integers(min_value=0) | st.integers(0, 100).map("{}%".format))
def test_a_written_allowance_is_read_back(value):
    written = str(Allowance.parse(value))

    assert Allowance.parse(int(written) if written.isdecimal() else written) == Allowance.parse(
        value
    )


def test_an_allowance_is_serialised_as_it_is_written():
    assert TypeAdapter(RowsOrShare).dump_json(Allowance(share=0.5)) == b'"50%"'
