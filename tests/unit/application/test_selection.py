"""Names and tags to jobs."""

import re

import pytest

from qupersync.application.selection import named, selected
from qupersync.domain.errors import SelectionError
from qupersync.domain.status import Health
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
        (["*_*"], [], ["table_stats", "query_history"]),
        (["[aq]*"], [], ["query_history", "applications"]),
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


@pytest.mark.parametrize(
    ("names", "exclude", "expected"),
    [
        ([], ["applications"], ["table_stats", "query_history"]),
        ([], ["*_*"], ["applications"]),
        (["*_*"], ["query_*"], ["table_stats"]),
        ([], ["state:failed"], ["table_stats", "applications"]),
    ],
)
def test_what_is_excluded_is_taken_from_what_is_named_or_from_all(names, exclude, expected):
    chosen = selected(JOBS, names, exclude=exclude, states=lambda: {"query_history": Health.FAILED})

    assert [job.name for job in chosen] == expected


def test_nothing_left_is_an_error():
    with pytest.raises(SelectionError, match="every job is excluded"):
        selected(JOBS, ["applications"], exclude=["app*"])


def test_jobs_are_chosen_by_how_they_stand_and_a_job_without_state_never_ran():
    states = {"table_stats": Health.FAILED, "query_history": Health.STALE}

    failed = selected(JOBS, ["state:failed", "state:never"], states=lambda: states)

    assert [job.name for job in failed] == ["table_stats", "applications"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("state:stale", "no job is stale"),
        ("state:broken", "no job can be 'broken'"),
        ("tabel_*", "no job 'tabel_*'"),
    ],
)
def test_a_pattern_or_a_state_of_no_job_is_an_error(name, message):
    with pytest.raises(SelectionError, match=re.escape(message)):
        selected(JOBS, [name], states=dict)


def test_one_job_is_named_exactly():
    assert named(JOBS, "applications").name == "applications"
    with pytest.raises(SelectionError, match="no job"):
        named(JOBS, "app*")
