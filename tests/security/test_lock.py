"""The lock: every package is pinned to one version and to the hashes of its files."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCK = (Path(__file__).parents[2] / "requirements.lock").read_text()
ENTRIES = [
    entry
    for entry in re.sub(r"\\\n", " ", LOCK).splitlines()
    if entry.strip() and not entry.lstrip().startswith("#")
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.split("=")[0])
def test_a_package_is_pinned_and_hashed(entry: str):
    requirement, *hashes = re.split(r"\s+--hash=", entry.strip())

    assert re.fullmatch(r"==[\w.+!]+", str(Requirement(requirement).specifier))
    assert hashes
    assert [h for h in hashes if not re.fullmatch("sha256:[0-9a-f]{64}", h)] == []


def test_nothing_in_it_leads_elsewhere_than_to_the_index():
    assert len(ENTRIES) > 50
    assert [entry for entry in ENTRIES if "://" in entry or entry.startswith("-")] == []
