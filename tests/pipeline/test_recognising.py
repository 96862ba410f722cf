"""Rows that the target has as they came are known at a glance, and only those."""

import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL

from qupersync.domain.batch import Tally
from qupersync.domain.column_rules import default_of
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.job import Job
from qupersync.infrastructure.postgres.raw_sql import COPY, RawSql
from qupersync.infrastructure.postgres.raw_stage import HEADER, TRAILER
from tests.pipeline.drawn import FIELDS, TRICKY, Drawn, packed, plain, suiting
from tests.pipeline.replay import Field, Replay
from tests.pipeline.rig import WATERMARK, Rig, a_job, a_snapshot
from tests.pipeline.test_comparing import Disturbed
from tests.pipeline.test_keys import collated
from tests.pipeline.test_load_paths import EMPTIED, LEFT_BY_RUNS

[HALF_PAST_ELEVEN] = packed("!q", 825_679_800_000_000)
MODES: dict[str, Callable[..., Job]] = {
    "incremental": lambda **fields: a_job(
        watermark=WATERMARK | {"column": "at", "initial": "1h"}, **fields
    ),
    "snapshot": lambda **fields: a_snapshot(max_delete="100%", **fields),
}
# The first two batches are what it takes to expect that of the third.
BEFORE = 4


def source(v: Drawn, rows: Iterable[tuple[int, Field]]) -> Replay:
    """Rows of these keys and values, all of the same time."""
    return Replay(
        oids={"id": 23, "at": 1114, v.source: v.oid},
        rows=[(struct.pack("!i", key), HALF_PAST_ELEVEN, field) for key, field in rows],
    )


def job(mode: str, v: Drawn, load: str, batch_size: int = 2) -> Job:
    columns = {"id": "integer", "at": "timestamp", "v": v.spec}
    return MODES[mode](load=load, batch_size=batch_size, max_rejects="100%", columns=columns)


def outcomes(rig: Rig, mode: str, at_source: Replay, v: Drawn, *, batch_size: int = 2) -> list[Any]:
    """What is left of a run on either path, and its counts; the target is as it was before it."""
    rig.at_target("DROP TABLE IF EXISTS as_it_was", "CREATE TABLE as_it_was AS TABLE items")
    left = []
    for load in ("copy", "executemany"):
        refill = ("TRUNCATE items", "INSERT INTO items TABLE as_it_was")
        rig.at_target(f"{EMPTIED} CASCADE", *refill)
        again = {"from_initial": True} if mode == "incremental" else {}
        run = at_source.loaded(rig, job(mode, v, load, batch_size), **again)
        left.append((run.tally, run.error_code, [rig.rows(query) for query in LEFT_BY_RUNS]))
    return left


def a_column(kind: str, oid: int, **rules: Any) -> Drawn:
    return Drawn(name="v", spec={"type": kind} | rules, oid=oid, values=[])


SAME, CHANGED, REFUSED = Tally(unchanged=1), Tally(updated=1), Tally(skipped=1)
FILL = SQL("INSERT INTO public.items SELECT c0, c1, c2 FROM {} AS s")
TABLE = "CREATE TABLE items (id int PRIMARY KEY, at timestamp, v {})"
STORED = "INSERT INTO items VALUES ({}, '2026-03-01 11:30', 'a')"
CASES = [
    (a_column("text", 1043), b"a", "'a'", SAME),
    (a_column("text", 1043), b"a", "'b'", CHANGED),
    (a_column("text", 1043), b"a", "NULL", CHANGED),
    (a_column("text", 1043), None, "NULL", SAME),
    (a_column("text", 1043), None, "''", CHANGED),
    (a_column("text", 1043, required=True), None, "NULL", REFUSED),
    (a_column("text", 1043, default="x"), None, "'x'", SAME),
    (a_column("text", 1043, null_if=["-"]), b"-", "NULL", SAME),
    (a_column("text", 1043, null_if=["-"]), b"-", "'-'", CHANGED),
    (a_column("text", 1043), b"a  ", "'a'", SAME),
    (a_column("text", 1043), b"a  ", "'a  '", CHANGED),
    (a_column("text", 1043, trim=False), b"a  ", "'a  '", SAME),
    (a_column("varchar(3)", 1043), b"abc", "'abc'", SAME),
    (a_column("varchar(3)", 1043), b"abcd", "'abc'", REFUSED),
    (a_column("numeric(5,2)", 1700), b"1.50", "1.50", SAME),
    (a_column("numeric(5,2)", 1700), b"1.5", "1.50", SAME),
    (a_column("numeric(5,2)", 1700), b"1.234", "1.23", REFUSED),
    (a_column("numeric(5,2)", 1700), b"1e2", "100", SAME),
    (a_column("numeric(5,2)", 1700, required=True), None, "NULL", REFUSED),
    (a_column("numeric(5,2)", 1700, default=7), None, "7", SAME),
    (a_column("numeric", 1700), b"0x10", "16", REFUSED),
    (a_column("integer", 1700), b"7.0", "7", SAME),
    (a_column("integer", 1700), b"7.4", "7", REFUSED),
    (a_column("integer", 1043), b"7", "7", SAME),
    (a_column("integer", 1043), b"0x1F", "31", REFUSED),
    (a_column("date", 1043), b"2026-01-02 03:04:05", "'2026-01-02'", REFUSED),
    (a_column("double precision", 701), *packed("!d", float("nan")), "'NaN'", SAME),
    (a_column("jsonb", 1043), b'{"b": 1,  "a": 2}', """'{"a":2,"b":1}'""", SAME),
]


@pytest.mark.parametrize(("v", "came", "stored", "tally"), CASES)
def test_a_row_is_the_same_only_if_its_rules_say_so(
    rig: Rig, v: Drawn, came: Field, stored: str, tally: Tally
):
    mode = "incremental"
    rig.at_target(TABLE.format(v.spec["type"]))
    good = [suiting(v.spec["type"], v.oid)[0]] * BEFORE
    assert (
        source(v, enumerate([*good, *good])).loaded(rig, job(mode, v, "executemany")).tally.inserted
        == 8
    )
    rig.at_target(f"UPDATE items SET v = {stored} WHERE id = {BEFORE}")

    raw, checked = outcomes(rig, mode, source(v, enumerate([*good, came, *good[1:]])), v)

    assert raw == checked
    assert raw[0] == tally + Tally(extracted=8, unchanged=7)


# Where the batch before came in the order of its keys, the span of the next is guessed.
@pytest.mark.parametrize("before", [BEFORE, BEFORE + 2])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("last", "tally"),
    [
        ([(4, b"a"), (5, b"a")], Tally(unchanged=2)),
        ([(5, b"a"), (4, b"a")], Tally(unchanged=2)),
        ([(5, b"a"), (5, b"a")], Tally(unchanged=1, deduplicated=1)),
        ([(5, b"b"), (5, b"a")], Tally(unchanged=1, deduplicated=1)),
        ([(5, b"a"), (5, b"b")], Tally(updated=1, deduplicated=1)),
        ([(5, b"a"), (9, b"a")], Tally(unchanged=1, inserted=1)),
        ([(-9, b"a"), (9, b"a")], Tally(inserted=2)),
        ([(4, b"a"), (5_000, b"a")], Tally(unchanged=1, inserted=1)),
    ],
)
def test_as_many_rows_as_the_target_has_are_no_proof(
    rig: Rig, mode: str, before: int, last: list[tuple[int, bytes]], tally: Tally
):
    v, more = a_column("text", 1043), before - BEFORE
    rig.at_target(TABLE.format("text"), *map(STORED.format, range(-more, 6)))
    known = [(key, b"a") for key in range(-more, BEFORE)]

    raw, checked = outcomes(rig, mode, source(v, [*known, *last]), v)

    kept = {4, 5} if mode == "incremental" else {key for key, _ in last}
    gone = len({4, 5} - kept)
    assert raw == checked
    assert raw[0] == tally + Tally(extracted=before + 2, unchanged=before, deleted=gone)


@pytest.mark.parametrize("mode", MODES)
def test_rows_that_come_in_no_order_after_all_are_found_too(rig: Rig, mode: str):
    v = a_column("text", 1043)
    rig.at_target(TABLE.format("text"), *map(STORED.format, range(20)))
    keys = [*range(9), 9, 19, 10, *range(11, 18), 18]
    at_source = source(v, [(key, b"a") for key in keys])

    raw, checked = outcomes(rig, mode, at_source, v, batch_size=3)

    assert raw == checked
    assert raw[0] == Tally(extracted=20, unchanged=20)


@pytest.mark.parametrize("mode", MODES)
def test_rows_that_turn_out_to_be_new_are_judged_before_they_are_written(rig: Rig, mode: str):
    v = a_column("varchar(3)", 1043)
    rig.at_target(TABLE.format("varchar(3)"), *map(STORED.format, range(BEFORE)))
    new = [(BEFORE, b"a"), (BEFORE + 1, b"a"), (BEFORE + 2, b"abcd"), (BEFORE + 3, b"a")]

    raw, checked = outcomes(
        rig, mode, source(v, [*((key, b"a") for key in range(BEFORE)), *new]), v
    )

    assert raw == checked
    assert raw[0] == Tally(extracted=8, unchanged=4, inserted=3, skipped=1)


@pytest.mark.parametrize("mode", MODES)
def test_a_change_that_the_collation_cannot_see_is_not_the_same(rig: Rig, mode: str):
    v = a_column("text", 1043)
    rig.at_target(TABLE.format(f"text COLLATE {collated(rig)}"), *map(STORED.format, range(6)))
    rows = [*((key, b"a") for key in range(BEFORE)), (BEFORE, b"A"), (BEFORE + 1, b"a")]

    raw, checked = outcomes(rig, mode, source(v, rows), v)

    assert raw == checked
    assert raw[0] == Tally(extracted=6, unchanged=5, updated=1)


WIDER = """
ALTER TABLE items ALTER v TYPE varchar(10);
UPDATE items SET v = 'abcd' WHERE id = 5
"""
DOUBLED = """
ALTER TABLE items DROP CONSTRAINT items_pkey;
INSERT INTO items VALUES (4, '2026-03-01 11:30', 'a')
"""
SINGLE = "DELETE FROM items WHERE ctid = (SELECT max(ctid) FROM items WHERE id = 4)"


@pytest.mark.parametrize(
    ("held", "before", "behind"),
    [(6, WIDER, []), (5, DOUBLED, [SINGLE, "ALTER TABLE items ADD PRIMARY KEY (id)"])],
)
def test_what_others_do_to_the_target_meanwhile_lets_no_rule_go_unasked(
    rig: Rig, held: int, before: str, behind: list[str]
):
    v = a_column("varchar(3)", 1043)
    rig.at_target(TABLE.format("varchar(3)"), *map(STORED.format, range(held)))
    rows = source(v, [*((key, b"a") for key in range(5)), (5, b"abcd"), (6, b"a")])

    def restored() -> None:
        with suppress(LockNotAvailable):  # where rows are checked the run holds the table
            rig.at_target("SET lock_timeout TO '1s'", *behind)

    happen = [lambda: rig.at_target(before), restored]
    run = Disturbed(oids=rows.oids, rows=rows.rows, happen=happen).loaded(
        rig, job("snapshot", v, "copy")
    )

    assert run.tally.skipped == 1, run.error
    assert rig.rows("SELECT reason FROM quper.sync_rejects") == [("lossy-cast",)]


@pytest.mark.parametrize(
    ("v", "value", "settled", "came", "stored"),
    [
        (a_column("numeric", 1700), "100", b"100", b"100.0", "100"),
        (a_column("numeric", 1700), "100", b"100", b"100", "100.00"),
        (a_column("numeric(9,2)", 1700), "100.00", b"100", b"100.0", "100"),
        (a_column("jsonb", 1043), "1.0", b"1.0", b"1.00", "'1.0'"),
        (a_column("double precision", 701), "0", *packed("!d", 0.0, -0.0), "0"),
    ],
)
def test_a_row_is_open_as_the_source_writes_it(
    rig: Rig, v: Drawn, value: str, settled: bytes, came: bytes, stored: str
):
    spec = {"settled": {"column": "v", "values": [value]}, "max_hold": "1h", "initial": "1h"}
    columns = {"id": "integer", "at": "timestamp", "v": v.spec}
    fields = {"batch_size": 2, "columns": columns, "watermark": WATERMARK | {"column": "at"} | spec}
    rows = [(key, settled if key < BEFORE else came) for key in range(8)]
    rig.at_target(TABLE.format(v.spec["type"]))
    source(v, rows).loaded(rig, a_job(load="executemany", **fields))
    rig.at_target(f"UPDATE items SET v = {stored} WHERE id >= {BEFORE}")
    told = []
    for load in ("copy", "executemany"):
        rig.at_target(f"{EMPTIED} CASCADE")
        run = source(v, rows).loaded(rig, a_job(load=load, **fields), from_initial=True)
        told.append((run.tally, run.oldest_open, run.watermark_after))

    assert told[0] == told[1]
    assert told[0][0] == Tally(extracted=8, unchanged=8)


@pytest.mark.parametrize(
    ("kind", "value"), [("bigint", b"\0" * 8), ("varchar(3)", b"abc"), ("numeric(5,2)", b"1.50")]
)
def test_a_table_of_many_columns_is_found_unchanged(rig: Rig, kind: str, value: bytes):
    names = [f"x{at}" for at in range(840)]
    oid = {"bigint": 20, "varchar(3)": 1043, "numeric(5,2)": 1700}[kind]
    columns = {"id": "integer", "at": "timestamp"} | dict.fromkeys(names, kind)
    rig.at_target(
        "CREATE TABLE items (id int PRIMARY KEY, at timestamp, "
        + ", ".join(f"{name} {kind}" for name in names)
        + ")"
    )
    rows = [(struct.pack("!i", key), HALF_PAST_ELEVEN, *[value] * 840) for key in range(8)]
    many = Replay(oids={"id": 23, "at": 1114} | dict.fromkeys(names, oid), rows=rows)
    wide = MODES["incremental"](load="copy", batch_size=2, columns=columns)

    assert many.loaded(rig, wide).tally == Tally(extracted=8, inserted=8)
    assert many.loaded(rig, wide, from_initial=True).tally == Tally(extracted=8, unchanged=8)


def has_good_default(spec: dict[str, Any]) -> bool:
    """Tell whether it may be one of the raw path."""
    try:
        default_of(ColumnSpec.model_validate(spec))
    except ValueError:
        return False
    return True


def as_postgresql_reads_it(rig: Rig, at_source: Replay, v: Drawn) -> None:
    """Hold the rows that it can make something of, whether a rule of the job forbids it or not."""
    [batch] = at_source.read("", batch_rows=len(at_source.rows))
    raw = RawSql(
        names=batch.names,
        encodings=batch.encodings,
        specs=job("snapshot", v, "copy").columns,
        key=("id",),
        collations={},
    )
    for row in batch.payloads:
        with suppress(psycopg.Error), psycopg.connect(rig.target) as connection:
            connection.execute("SET search_path TO pg_catalog, pg_temp")
            connection.execute(raw.create())
            with connection.cursor().copy(COPY) as copy:
                copy.write(HEADER + row + TRAILER)
            connection.execute(FILL.format(raw.rows()))


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), mode=st.sampled_from(sorted(MODES)))
def test_what_others_made_of_a_value_is_judged_on_both_paths_alike(rig: Rig, data, mode: str):
    v = data.draw(plain("v").filter(lambda v: has_good_default(v.spec)))
    good = suiting(v.spec["type"], v.oid)
    hostile = [*FIELDS[v.oid], *TRICKY.get(v.oid, ()), *v.values]
    fields = [good[0]] * BEFORE + data.draw(
        st.lists(st.sampled_from([*good, *hostile]), min_size=1, max_size=4)
    )
    rig.at_target("DROP TABLE IF EXISTS items", TABLE.format(v.spec["type"]))
    at_source = source(v, enumerate(fields))
    as_postgresql_reads_it(rig, at_source, v)

    raw, checked = outcomes(rig, mode, at_source, v)

    assert raw == checked
