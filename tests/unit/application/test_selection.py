"""Names and tags to jobs."""

import pytest

from qupersync.application.selection import selected
from qupersync.domain.errors import SelectionError
from tests.pipeline.rig import a_snapshot

JOBS = [
    a_snapshot(name="table_stats", tags=["catalog"]),
    a_snapshot(name="query_history", tags=["logs", "queries"]),
    a_snapshot(name="applications"),
]


@pytest.mark.parametrize(
    ("names", "tags", "expected"),
    [
        ([], [], ["table_stats", "query_history", "applications"]),
        (["applications", "table_stats"], [], ["table_stats", "applications"]),
        ([], ["logs"], ["query_history"]),
        ([], ["logs", "catalog"], ["table_stats", "query_history"]),
        (["applications"], ["queries"], ["query_history", "applications"]),
    ],
)
def test_names_and_tags_add_up_in_the_files_order(names, tags, expected):
    assert [job.name for job in selected(JOBS, names, tags)] == expected


def test_an_unknown_name_is_answered_with_the_close_ones():
    with pytest.raises(SelectionError, match="no job 'tabel_stats'") as caught:
        selected(JOBS, ["tabel_stats"])

    assert caught.value.hint == "known: table_stats"


def test_an_unknown_tag_is_answered_with_all_tags():
    with pytest.raises(SelectionError, match="no job has the tag 'log'") as caught:
        selected(JOBS, tags=["log"])

    assert caught.value.hint == "tags: catalog, logs, queries"
