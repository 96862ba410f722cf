"""The suite is tested too: a mistake in the program is caught, and the program itself is not."""

import pytest

from tests.faults import stories
from tests.faults.site import Site

STORIES = (
    stories.undisturbed,
    stories.killed_between_batches,
    stories.killed_after_a_commit,
    stories.overtaken_while_reading,
    stories.a_row_of_the_future,
)
CAUGHT = {
    "watermark-before-data": (stories.killed_between_batches, "is owed"),
    "greater-for-greater-or-equal": (stories.undisturbed, "is owed"),
    "no-fence-and-no-compare-and-set": (
        stories.overtaken_while_reading,
        "is owed|was made up|went back",
    ),
    "watermark-is-the-newest-row-seen": (stories.a_row_of_the_future, "is owed"),
    "dedupe-off": (stories.undisturbed, "a run that nothing disturbs"),
    "log-after-commit": (stories.killed_after_a_commit, "the ledger has a gap"),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_right_program_is_not_caught(site: Site, story):
    site.mutant = "none"

    story(site)


@pytest.mark.parametrize("mutant", CAUGHT)
def test_a_mistake_is_caught(site: Site, mutant: str):
    story, complaint = CAUGHT[mutant]
    site.mutant = mutant

    with pytest.raises(AssertionError, match=complaint):
        story(site)
