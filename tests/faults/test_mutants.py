"""The suite is tested too: a mistake in the program is caught, and the program itself is not."""

from collections.abc import Callable

import pytest

from tests.faults import stories
from tests.faults.paths import on_the_raw_path
from tests.faults.site import Site

STORIES = (
    stories.undisturbed,
    stories.killed_between_batches,
    stories.killed_after_a_commit,
    stories.overtaken_while_reading,
    stories.a_row_of_the_future,
)
ON_THE_RAW_PATH = (
    stories.undisturbed,
    stories.overtaken_by_one_that_only_reads,
    stories.changed_in_place,
)
# A mistake that is no more than a crash would be caught as well.
CONFLICT = "a run that nothing disturbs.*conflict"
CAUGHT = {
    "watermark-before-data": (stories.killed_between_batches, "is owed"),
    "greater-for-greater-or-equal": (stories.undisturbed, "is owed"),
    "no-fence-and-no-compare-and-set": (
        stories.overtaken_while_reading,
        "is owed|was made up|went back",
    ),
    "watermark-is-the-newest-row-seen": (stories.a_row_of_the_future, "is owed"),
    "dedupe-off": (stories.undisturbed, CONFLICT),
    "log-after-commit": (stories.killed_after_a_commit, "the ledger has a gap"),
}
CAUGHT_ON_THE_RAW_PATH = {
    "fence-never-taken": (stories.overtaken_by_one_that_only_reads, "not the sum of its batches"),
    "no-key-is-twice-in-a-batch": (stories.undisturbed, CONFLICT),
    "all-rows-are-as-they-were": (stories.changed_in_place, "is owed"),
    "all-rows-are-new": (stories.undisturbed, CONFLICT),
}


@pytest.mark.parametrize(
    ("load", "story"),
    [*(("auto", story) for story in STORIES), *(("copy", story) for story in ON_THE_RAW_PATH)],
)
def test_the_right_program_is_not_caught(site: Site, story):
    site.mutant = "none"

    story(site)


@pytest.mark.parametrize("mutant", CAUGHT)
def test_a_mistake_is_caught(site: Site, mutant: str):
    is_caught(site, mutant, *CAUGHT[mutant])


@on_the_raw_path
@pytest.mark.parametrize("mutant", CAUGHT_ON_THE_RAW_PATH)
def test_a_mistake_in_the_raw_path_is_caught(site: Site, mutant: str):
    is_caught(site, mutant, *CAUGHT_ON_THE_RAW_PATH[mutant])


def is_caught(site: Site, mutant: str, story: Callable[[Site], None], complaint: str) -> None:
    site.mutant = mutant

    with pytest.raises(AssertionError, match=complaint):
        story(site)
