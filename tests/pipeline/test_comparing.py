"""Batches of a snapshot are compared as they come, and only what is not the same is merged."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qupersync.domain.batch import Batch, Tally
from qupersync.domain.run import Run, Status
from tests.pipeline.replay import Replay
from tests.pipeline.rig import Rig, a_snapshot

Row = tuple[int, str]
JOB = a_snapshot(load="copy", batch_size=3, max_delete="100%")
TEN = [(key, "a") for key in range(1, 11)]


@pytest.fixture
def items(rig: Rig) -> Rig:
    """Ten rows in the target, and nothing at the source, where keys may repeat."""
    rig.at_source("CREATE TABLE items (id int, name text)")
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name text)")
    rig.at_target("INSERT INTO items SELECT i, 'a' FROM generate_series(1, 10) AS i")
    return rig


def mirrored(rig: Rig, rows: Iterable[Row]) -> Run:
    """Run a snapshot of these rows, read in this order; the target has the last of each key."""
    rig.at_source("TRUNCATE items")
    rig.at_source(*(f"INSERT INTO items VALUES ({key}, '{name}')" for key, name in rows))
    run = rig.run(JOB)
    assert run.status is Status.SUCCESS, run.error
    assert dict(rig.rows("SELECT id, name FROM items")) == dict(rows)
    return run


@pytest.mark.parametrize(
    "rows",
    [
        TEN,
        TEN[::-1],
        TEN[4:] + TEN[1:4] + TEN[:1],  # by threes, each before or behind those before it
    ],
)
def test_what_is_the_same_is_not_merged(items: Rig, rows: list[Row]):
    with psycopg.connect(items.target) as reader:
        # A merge would have to wait, whatever it finds.
        reader.execute("LOCK TABLE items IN SHARE MODE")

        assert mirrored(items, rows).tally == Tally(extracted=10, unchanged=10)


@pytest.mark.parametrize(
    ("rows", "tally"),
    [
        (TEN, Tally(unchanged=10)),
        ([(1, "b"), *TEN[1:]], Tally(unchanged=9, updated=1)),
        ([*TEN[:9], (10, "b")], Tally(unchanged=9, updated=1)),
        ([*TEN, (11, "a")], Tally(unchanged=10, inserted=1)),
        (TEN[:4] + TEN[5:], Tally(unchanged=9, deleted=1)),
        ([*TEN[1:9], (10, "b"), (11, "a")], Tally(unchanged=8, updated=1, inserted=1, deleted=1)),
        ([(key, "b") for key, _ in TEN], Tally(updated=10)),
        ([*TEN[:5], (6, "b"), (6, "c"), *TEN[6:]], Tally(unchanged=9, updated=1, deduplicated=1)),
        ([(1, "b"), *TEN], Tally(unchanged=10, deduplicated=1)),
        ([*TEN, (1, "b")], Tally(unchanged=9, updated=1, deduplicated=1)),
        (TEN[:6] + TEN[5:], Tally(unchanged=10, deduplicated=1)),
        (TEN[:3] + TEN[6:] + TEN[3:6], Tally(unchanged=10)),
        ([*TEN, (2_000_000, "a"), (11, "a")], Tally(unchanged=10, inserted=2)),
    ],
)
def test_each_row_is_counted_as_what_it_is(items: Rig, rows: list[Row], tally: Tally):
    assert mirrored(items, rows).tally == tally + Tally(extracted=len(rows))


def test_an_empty_target_is_filled(items: Rig):
    items.at_target("TRUNCATE items")

    assert mirrored(items, TEN).tally == Tally(extracted=10, inserted=10)


def test_rows_that_are_set_aside_in_a_later_batch_spoil_nothing(items: Rig):
    items.at_target("ALTER TABLE items ALTER id SET DATA TYPE smallint")
    rows = [*TEN[:6], (70_000, "a"), *TEN[6:]]
    items.at_source(*(f"INSERT INTO items VALUES ({key}, '{name}')" for key, name in rows))

    run = items.run(JOB)

    assert run.tally == Tally(extracted=11, unchanged=10, skipped=1), run.error


@dataclass(frozen=True, kw_only=True)
class Disturbed(Replay):
    """Things happen before the last batches are read: when those before them are staged."""

    happen: Sequence[Callable[[], None]]

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        batches = [*super().read(sql, batch_rows=batch_rows)]
        yield from batches[: -len(self.happen)]
        for happens, batch in zip(self.happen, batches[-len(self.happen) :], strict=True):
            happens()
            yield batch


def while_ten_are_read(rig: Rig, *happen: Callable[[], None]) -> Run:
    rows = [(struct.pack("!i", key), name.encode()) for key, name in TEN]
    source = Disturbed(oids={"id": 23, "name": 1043}, rows=rows, happen=happen)
    return source.loaded(rig, JOB)


@pytest.mark.parametrize(
    ("statements", "tally"),
    [
        (["DELETE FROM items"], Tally(inserted=10)),
        (["TRUNCATE items"], Tally(inserted=10)),
        (["DELETE FROM items WHERE id = 2"], Tally(inserted=1, unchanged=9)),
        (["UPDATE items SET name = 'b' WHERE id = 2"], Tally(updated=1, unchanged=9)),
        (["UPDATE items SET name = 'a' WHERE id = 2"], Tally(unchanged=10)),
        (["INSERT INTO items VALUES (99, 'b')"], Tally(unchanged=10, deleted=1)),
        (
            ["DELETE FROM items WHERE id = 2", "INSERT INTO items VALUES (99, 'b')"],
            Tally(inserted=1, unchanged=9, deleted=1),
        ),
        (["ALTER TABLE items ADD COLUMN more int"], Tally(unchanged=10)),
    ],
)
def test_what_others_do_to_the_target_meanwhile_is_seen_and_not_hindered(
    items: Rig, statements: list[str], tally: Tally
):
    run = while_ten_are_read(
        items, lambda: items.at_target("SET lock_timeout TO '2s'", *statements)
    )

    assert run.tally == tally + Tally(extracted=10), run.error
    assert items.rows("SELECT id, name FROM items ORDER BY id") == TEN


OTHER = """
CREATE TABLE other (id int PRIMARY KEY, name text);
INSERT INTO other SELECT i, 'a' FROM generate_series({first}, {first} + 9) AS i;
GRANT ALL ON other TO quper_writer;
UPDATE items SET name = 'b' WHERE id = 8;
ALTER TABLE items ADD COLUMN more text DEFAULT 'b';
"""
SWAP = """
BEGIN;
ALTER TABLE items RENAME TO aside; ALTER INDEX items_pkey RENAME TO aside_pkey;
ALTER TABLE other RENAME TO items; ALTER INDEX other_pkey RENAME TO items_pkey;
ALTER TABLE aside RENAME TO other; ALTER INDEX aside_pkey RENAME TO other_pkey;
COMMIT
"""
CROSSED = """
BEGIN;
ALTER TABLE items RENAME name TO less;
ALTER TABLE items RENAME more TO name;
ALTER TABLE items RENAME less TO more;
COMMIT
"""
NEW_COLUMN = "ALTER TABLE items DROP COLUMN name, ADD COLUMN name text DEFAULT 'b'"


@pytest.mark.parametrize(
    ("first", "exchanged", "tally"),
    [
        (101, [SWAP], Tally(inserted=10, deleted=10)),
        (1, [SWAP, SWAP], Tally(unchanged=9, updated=1)),
        (1, [NEW_COLUMN], Tally(updated=10)),
        (1, [CROSSED], Tally(updated=10)),
    ],
)
def test_a_table_or_column_that_others_exchange_meanwhile_is_seen(
    items: Rig, first: int, exchanged: list[str], tally: Tally
):
    items.at_target(OTHER.format(first=first))

    run = while_ten_are_read(
        items, *(partial(items.at_target, statement) for statement in exchanged)
    )

    assert run.tally == tally + Tally(extracted=10), run.error
    assert items.rows("SELECT id, name FROM items ORDER BY id") == TEN


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("ALTER TABLE items RENAME TO away", "ALTER TABLE away RENAME TO items"),
        ("ALTER TABLE items RENAME name TO away", "ALTER TABLE items RENAME away TO name"),
        ("REVOKE ALL ON items FROM quper_writer", "GRANT ALL ON items TO quper_writer"),
    ],
)
def test_what_is_gone_for_a_while_stops_no_run(items: Rig, away: str, back: str):
    run = while_ten_are_read(items, *(partial(items.at_target, what) for what in (away, back)))

    assert run.tally == Tally(extracted=10, unchanged=10), run.error


def test_a_target_that_others_have_locked_is_not_waited_for(items: Rig):
    with psycopg.connect(items.target) as other:
        other.execute("LOCK TABLE items")

        run = while_ten_are_read(items, other.commit)

    assert run.tally == Tally(extracted=10, unchanged=10), run.error


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    held=st.dictionaries(st.integers(1, 14), st.sampled_from("ab")),
    rows=st.lists(st.tuples(st.integers(1, 14), st.sampled_from("ab")), min_size=1, max_size=14),
    is_sorted=st.booleans(),
)
def test_whatever_comes_the_target_mirrors_it_and_the_counts_are_true(
    items: Rig, held: dict[int, str], rows: list[Row], is_sorted
):
    items.at_target("TRUNCATE items")
    items.at_target(*(f"INSERT INTO items VALUES ({key}, '{name}')" for key, name in held.items()))
    rows = sorted(rows) if is_sorted else rows
    last = dict(rows)

    run = mirrored(items, rows)

    assert run.tally == Tally(
        extracted=len(rows),
        inserted=len(last.keys() - held.keys()),
        updated=sum(name != held.get(key, name) for key, name in last.items()),
        unchanged=len(last.items() & held.items()),
        deduplicated=len(rows) - len(last),
        deleted=len(held.keys() - last.keys()),
    )
