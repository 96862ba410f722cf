"""As many columns as a table can have, one more, and rows that are too wide for a page."""

import struct

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.columns import ColumnType
from qupersync.domain.errors import TargetMismatchError
from qupersync.domain.run import Status
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.new_table import new_table
from tests.datarow import body
from tests.pipeline.rig import Rig, a_snapshot

MOST = 1600
PARAMETERS = 65_535  # of one statement


def names(count: int) -> list[str]:
    """Return the names of so many columns beside the key."""
    return [f"c{number}" for number in range(count - 1)]


@pytest.mark.parametrize("count", [MOST - 1, MOST])
def test_a_batch_has_more_values_than_a_statement_has_parameters(rig: Rig, count: int):
    columns = ", ".join(f"{name} smallint" for name in names(count))
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, {columns})")
    rig.at_source(f"INSERT INTO items SELECT i {', i' * (count - 1)} FROM generate_series(1, 50) i")
    assert count * 50 > PARAMETERS

    run = rig.run(a_snapshot())

    assert run.tally == Tally(extracted=50, inserted=50), run.error
    last = f"SELECT sum(id), sum({names(count)[-1]}) FROM items"
    assert rig.rows(last) == rig.source_rows(last)


def test_a_row_of_many_columns_that_only_the_merge_refuses_keeps_its_bytes(rig: Rig):
    columns = ", ".join(f"{name} smallint" for name in names(MOST))
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, {columns})")
    rig.at_target("ALTER TABLE items ADD CHECK (id NOT IN (1, 4, 6))")
    rig.at_source("INSERT INTO items (id, c1598) SELECT i, i FROM generate_series(1, 7) AS i")

    run = rig.run(a_snapshot(batch_size=2))

    assert run.tally == Tally(extracted=7, inserted=4, skipped=3), run.error
    nulls = [None] * (MOST - 2)
    assert rig.rows("SELECT payload FROM quper.sync_rejects ORDER BY key") == [
        (body([struct.pack("!i", at), *nulls, struct.pack("!h", at)]),) for at in (1, 4, 6)
    ]


def test_a_query_with_a_column_more_than_a_table_can_have_ends_by_name(rig: Rig):
    columns = ", ".join(f"{name} smallint" for name in names(MOST))
    rig.at_target(f"CREATE TABLE items (id int PRIMARY KEY, {columns})")
    results = ", ".join(f"1 AS {name}" for name in names(MOST + 1))

    run = rig.run(a_snapshot(sql=f"SELECT 1 AS id, {results}"))

    assert (run.status, run.error_code) == (Status.FAILED, "target-mismatch")
    assert run.error == f"public.items has no column {names(MOST + 1)[-1]}"


def test_a_table_with_a_column_too_many_is_not_made(rig: Rig):
    columns = dict.fromkeys(["id", *names(MOST + 1)], ColumnType("smallint"))

    refused = pytest.raises(TargetMismatchError, match="tables can have at most 1600 columns")
    with postgres.connected(rig.target) as session, refused:
        new_table(session, a_snapshot(), columns)


def test_a_row_too_wide_for_a_page_is_set_aside_alone(rig: Rig):
    columns = ", ".join(f"{name} text" for name in names(MOST))
    rig.at_target(f"CREATE TABLE items (id int PRIMARY KEY, {columns})")
    rig.at_source("CREATE TABLE items AS SELECT generate_series(1, 3) AS id")
    wide = ", ".join(f"CASE id WHEN 2 THEN repeat('x', 40) END AS {name}" for name in names(MOST))

    run = rig.run(a_snapshot(sql=f"SELECT id, {wide} FROM items"))

    assert run.tally == Tally(extracted=3, inserted=2, skipped=1), run.error
    assert rig.rows("SELECT key, sqlstate FROM quper.sync_rejects") == [('["2"]', "54000")]
