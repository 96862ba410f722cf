"""Which way rows take: as bytes only where nothing is in doubt, and always with the reason."""

from typing import Any

import pytest

from qupersync.domain.load_path import COPY_PAYS_FROM, MOST_COLUMNS, LoadPath, path_of
from tests.pipeline.rig import a_job


def path(encoding: str, load: str = "auto", **spec: Any) -> LoadPath:
    """The path of a job with a key and one more column."""
    columns = {"id": {"type": "integer"}, "value": spec, "changed": {"type": "timestamp"}}
    job = a_job(columns=columns, load=load)
    encodings = ("integer", encoding, "text") if encoding else ()
    return path_of(job, job.columns, ("id", "value", "changed"), encodings)


@pytest.mark.parametrize(
    ("encoding", "spec"),
    [
        ("text", {"type": "timestamptz"}),
        ("text", {"type": "jsonb", "null_if": ["-"], "default": "{}"}),
        ("numeric", {"type": "numeric(18,4)"}),
        ("smallint", {"type": "bigint", "default": 0}),
        ("oid", {"type": "bigint"}),
        ("real", {"type": "double precision", "default": 0.5}),
        ("boolean", {"type": "text"}),
    ],
)
def test_what_postgresql_makes_the_same_of_passes_raw(encoding, spec):
    reason = f"as bytes by COPY; fewer than {COPY_PAYS_FROM} rows are checked one by one"

    assert path(encoding, **spec) == ("raw", reason, 20_000)


@pytest.mark.parametrize(
    ("encoding", "spec", "reason"),
    [
        ("real", {"type": "text"}, "only the row check makes text of real"),
        ("boolean", {"type": "integer"}, "only the row check makes integer of boolean"),
        ("bigint", {"type": "double precision"}, "only the row check makes double precision of"),
        ("numeric", {"type": "numeric", "null_if": ["0"]}, "compares numeric with null_if"),
        ("text", {"type": "date", "default": "now"}, "its default breaks its own rules"),
        ("text", {"type": "text", "null_if": ["\0"]}, "a NUL in its rules"),
        ("text", {"type": "text", "default": 1.5}, "text of a default with a point"),
    ],
)
def test_a_doubtful_column_has_all_rows_checked_and_is_named(encoding, spec, reason):
    name, why, batch_rows = path(encoding, **spec)

    assert (name, batch_rows) == ("checked", 1_000)
    assert why.startswith("column 'value': ")
    assert reason in why


def test_the_job_may_say_which_way():
    assert path("text", load="executemany", type="text")[:2] == ("checked", "load: executemany")
    assert path("text", load="copy", type="text")[:2] == ("raw", "load: copy")


def test_bytes_that_nobody_vouches_for_are_checked():
    name, why, _ = path("", type="text")

    assert (name, "driver" in why) == ("checked", True)


def test_a_table_without_room_for_the_order_of_arrival_is_checked():
    names = ("id", "changed", *(f"c{at}" for at in range(MOST_COLUMNS - 1)))
    job = a_job(columns={"id": "integer", "changed": "timestamp"})

    found = path_of(job, job.columns, names, ("integer", *("text",) * (len(names) - 1)))

    assert found[:2] == ("checked", "more than 1,599 columns")
