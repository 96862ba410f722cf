"""Hostile values: NULL and repeated keys, blanks, NULs, bytes that are no text, and the rules."""

import json
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qupersync.demo.faults import AtMessage, Fault, ReplaceField, Sender
from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import Rig, a_job, a_snapshot

TABLE = "CREATE TABLE items (id {} PRIMARY KEY, name text, changed timestamp)"
LOOSE = "CREATE TABLE items (id {}, name text, changed timestamp)"
MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])


def tables(rig: Rig, key: str = "int", given: str = "") -> Rig:
    """The table items: at the source without a primary key, so that a key may be anything."""
    rig.at_source(LOOSE.format(given or key))
    rig.at_target(TABLE.format(key))
    return rig


def add(rig: Rig, *rows: str) -> None:
    """Add rows in this order, as SQL values without the watermark."""
    rig.at_source(*(f"INSERT INTO items VALUES ({row}, '2026-03-01 11:30')" for row in rows))


def refusals(rig: Rig) -> list[tuple[str, ...]]:
    return rig.rows("SELECT key, column_name, reason FROM quper.sync_rejects ORDER BY 1")


@MODES
def test_a_null_key_is_rejected_and_the_other_rows_load(rig: Rig, job):
    add(tables(rig), "NULL, 'x'", "1, 'a'")

    assert rig.run(job).tally == Tally(extracted=2, inserted=1, skipped=1)
    assert refusals(rig) == [("[null]", "id", "null-key")]


@MODES
def test_of_a_key_repeated_in_a_batch_the_later_arrival_wins(rig: Rig, job):
    add(tables(rig), "1, 'a'", "2, 'z'", "1, 'b'", "1, 'c'")

    assert rig.run(job).tally == Tally(extracted=4, inserted=2, deduplicated=2)
    assert rig.rows("SELECT id, name FROM items ORDER BY 1") == [(1, "c"), (2, "z")]


def test_of_a_key_repeated_in_a_batch_the_greatest_watermark_wins_first(rig: Rig):
    tables(rig).at_source(
        "INSERT INTO items VALUES (1, 'first', '2026-03-01 11:30:00.000002'),"
        " (1, 'winner', '2026-03-01 11:30:00.000002'), (1, 'old', '2026-03-01 11:30:00.000001')"
    )

    assert rig.run(a_job()).tally == Tally(extracted=3, inserted=1, deduplicated=2)
    assert rig.rows("SELECT name FROM items") == [("winner",)]


def test_of_a_key_repeated_across_batches_the_later_wins(rig: Rig):
    add(tables(rig), "1, 'a'", "1, 'b'", "1, 'c'")

    assert rig.run(a_job(), batch_rows=1).tally == Tally(extracted=3, inserted=1, updated=2)
    assert rig.rows("SELECT name FROM items") == [("c",)]


def test_a_snapshot_folds_a_key_that_its_blocks_repeat(rig: Rig):
    add(tables(rig), "1, 'a'", "1, 'b'", "1, 'c'")

    run = rig.run(a_snapshot(), batch_rows=1)

    assert run.tally == Tally(extracted=3, inserted=1, deduplicated=2)
    assert rig.rows("SELECT name FROM items") == [("c",)]


@MODES
@pytest.mark.parametrize(
    ("key", "given", "one", "other"),
    [
        ("text", "text", "'a'", "'a  '"),
        ("numeric", "numeric", "1.5", "1.50"),
        ("int", "numeric", "1", "1.0"),
        ("timestamptz", "timestamptz", "'2026-01-01 00:00+00'", "'2026-01-01 02:00+02'"),
        ("uuid", "text", "'a0eebc999c0b4ef8bb6d6bb9bd380a11'", "'{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}'"),
        ("jsonb", "text", """'{"a":1,"b":2}'""", """'{"b":2, "a":1.0}'"""),
        ("double precision", "double precision", "-0.0", "0.0"),
        ("double precision", "double precision", "'NaN'", "'NaN'"),
    ],
)  # fmt: skip
def test_keys_are_equal_as_the_target_compares_them(rig: Rig, job, key, given, one, other):
    add(tables(rig, key, given), f"{one}, 'a'", f"{other}, 'b'")

    first, second = rig.run(job), rig.run(job)

    assert first.tally == Tally(extracted=2, inserted=1, deduplicated=1), first.error
    assert second.tally == Tally(extracted=2, unchanged=1, deduplicated=1)
    assert rig.rows("SELECT name FROM items") == [("b",)]


def collated(rig: Rig) -> str:
    """The name of a collation at the target: one that ignores case, where the server has ICU."""
    if not rig.rows("SELECT FROM pg_collation WHERE collname = 'und-x-icu'"):
        return '"C"'
    rig.at_target(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    )
    return "loose"


@MODES
def test_keys_are_equal_under_the_targets_collation(rig: Rig, job):
    collation = collated(rig)
    keys = ["'KEY'", "'key'", "'Key'", "'other'"]
    add(tables(rig, f"text COLLATE {collation}", "text"), *(f"{key}, 'a'" for key in keys))
    distinct = (
        f"SELECT count(DISTINCT k COLLATE {collation}) FROM unnest(ARRAY[{','.join(keys)}]) k"
    )
    [(kept,)] = rig.rows(distinct)

    first, second = rig.run(job), rig.run(job)

    assert first.tally == Tally(extracted=4, inserted=kept, deduplicated=4 - kept), first.error
    assert second.tally == Tally(extracted=4, unchanged=kept, deduplicated=4 - kept)


@MODES
def test_a_change_that_the_collation_cannot_see_is_still_a_change(rig: Rig, job):
    rig.at_source(LOOSE.format("int"))
    rig.at_target(TABLE.format("int").replace("name text", f"name text COLLATE {collated(rig)}"))
    add(rig, "1, 'name'")
    rig.run(job)
    rig.at_source("UPDATE items SET name = 'NAME'")

    assert rig.run(job).tally == Tally(extracted=1, updated=1)
    assert rig.rows("SELECT name FROM items") == [("NAME",)]


def test_trailing_blanks_go_unless_trim_is_off(rig: Rig):
    rig.at_source("CREATE TABLE items (id char(8), cut char(8), kept char(8))")
    rig.at_target("CREATE TABLE items (id text PRIMARY KEY, cut text, kept text)")
    rig.at_source("INSERT INTO items VALUES ('k', ' a b', ' a b')")
    kept = {"type": "text", "trim": False}

    run = rig.run(a_snapshot(columns={"id": "text", "cut": "text", "kept": kept}))

    assert run.tally.inserted == 1
    assert rig.rows("SELECT * FROM items") == [("k", " a b", " a b    ")]


def test_an_empty_text_is_not_null(rig: Rig):
    add(tables(rig), "1, ''", "2, NULL", "3, '   '")

    rig.run(a_snapshot())

    assert rig.rows("SELECT id, name FROM items ORDER BY 1") == [(1, ""), (2, None), (3, "")]


def test_rules_turn_source_values_into_target_values(rig: Rig):
    add(tables(rig), "1, '-'", "2, NULL", "3, '7  '")
    rig.at_target(
        "ALTER TABLE items RENAME name TO size", "ALTER TABLE items ALTER size TYPE int USING 0"
    )
    size = {"type": "integer", "from": "name", "default": 0, "null_if": ["", "-"]}

    run = rig.run(a_snapshot(columns={"id": "integer", "size": size}))

    assert run.tally == Tally(extracted=3, inserted=3)
    assert rig.rows("SELECT id, size FROM items ORDER BY 1") == [(1, 0), (2, 0), (3, 7)]


def test_a_required_value_that_is_missing_rejects_its_row(rig: Rig):
    add(tables(rig), "1, NULL", "2, 'unknown'", "3, 'a'")
    name = {"type": "text", "required": True, "null_if": ["unknown"]}

    run = rig.run(a_snapshot(columns={"id": "integer", "name": name}))

    assert run.tally == Tally(extracted=3, inserted=1, skipped=2)
    assert refusals(rig) == [('["1"]', "name", "required"), ('["2"]', "name", "required")]


@MODES
def test_an_empty_result_is_a_success(rig: Rig, job):
    run = tables(rig).run(job)

    assert (run.status, run.tally) == (Status.SUCCESS, Tally())


def test_a_text_longer_than_a_batch_may_be_travels_whole(rig: Rig):
    add(tables(rig), "1, repeat('äöü😀', 1000000)", "2, 'short'")

    assert rig.run(a_job()).tally == Tally(extracted=2, inserted=2)
    digest = "SELECT id, md5(name) FROM items ORDER BY 1"
    assert rig.rows(digest) == rig.source_rows(digest)


def struck(rig: Rig, column: int, value: bytes) -> None:
    """Have the second row that the source sends come with these bytes in a column."""
    rig.stand_in.faults.arm(
        Fault(when=AtMessage(Sender.SERVER, b"D", 2), what=ReplaceField(column=column, value=value))
    )


@MODES
@pytest.mark.parametrize("value", [b"\xc3", b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xf0\x9f"])
def test_bytes_that_are_no_utf8_are_set_aside_bit_for_bit(rig: Rig, job, value):
    add(tables(rig), "1, 'a'", "2, 'b'", "3, 'c'")
    struck(rig, 1, value)

    run = rig.run(job)

    assert run.tally == Tally(extracted=3, inserted=2, skipped=1), run.error
    [(reason, payload, form)] = rig.rows(
        "SELECT reason, payload, payload_format FROM quper.sync_rejects"
    )
    assert (reason, form) == ("not-utf8", "datarow-v1")
    assert len(value).to_bytes(4, "big") + value in payload
    assert rig.run(job).tally == Tally(extracted=3, inserted=1, unchanged=2)


@pytest.mark.parametrize("value", [b"", b"\0\0\1", b"\0" * 8])
def test_a_number_of_the_wrong_length_is_set_aside(rig: Rig, value):
    add(tables(rig), "1, 'a'", "2, 'b'", "3, 'c'")
    struck(rig, 0, value)

    run = rig.run(a_snapshot())

    assert run.tally == Tally(extracted=3, inserted=2, skipped=1), run.error
    assert rig.rows("SELECT reason FROM quper.sync_rejects") == [("unreadable",)]


def test_nuls_are_removed_from_text(rig: Rig):
    add(tables(rig), "1, 'a'", "2, 'b'")
    struck(rig, 1, b"\0b\0c\0")

    assert rig.run(a_snapshot()).tally.inserted == 2
    assert rig.rows("SELECT name FROM items WHERE id = 2") == [("bc",)]


def test_a_nul_in_a_key_rejects_its_row(rig: Rig):
    add(tables(rig, "text"), "'k', 'a'", "'kk', 'b'")
    struck(rig, 0, b"k\0")

    assert rig.run(a_snapshot()).tally == Tally(extracted=2, inserted=1, skipped=1)
    assert refusals(rig) == [('["k\\u2400"]', "id", "nul-in-key")]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5)
ENDLESS = st.sampled_from(["infinity", "-infinity"])


def before_christ(moment: date) -> str:
    return f"{moment.replace(year=min(moment.year, 4000))} BC"


LITERALS = {
    "smallint": st.integers(-(2**15), 2**15 - 1).map(str),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "real": st.floats(width=32).map(repr),
    "double precision": st.floats().map(repr),
    "numeric(38,18)": st.decimals(-(10**20) + 1, 10**20 - 1, places=18).map("{:f}".format),
    "boolean": st.booleans().map(str),
    "text": TEXT,
    "varchar(3)": TEXT.map(lambda text: text[:3]),
    "date": ENDLESS | st.dates().map(str) | st.dates().map(before_christ),
    "time": st.times().map(str),
    "timestamp": ENDLESS | st.datetimes().map(str) | st.datetimes().map(before_christ),
    "timestamptz": ENDLESS | st.builds("{}{:+d}".format, st.datetimes(), st.integers(-12, 14)),
    "jsonb": JSON.map(json.dumps),
    "uuid": st.uuids().map(str),
}
ROWS = st.lists(st.tuples(*(st.none() | literal for literal in LITERALS.values())), max_size=5)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_random_rows_of_all_types_travel_unchanged(rig: Rig, rows):
    columns = {f"c{number}": kind for number, kind in enumerate(LITERALS)}
    table = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    rig.at_both("DROP TABLE IF EXISTS items", f"CREATE TABLE items (id int PRIMARY KEY, {table})")
    values = ", ".join(f"%s::text::{kind}" for kind in LITERALS)
    with psycopg.connect(rig.source) as source:
        numbered = [(number, *row) for number, row in enumerate(rows)]
        source.cursor().executemany(f"INSERT INTO items VALUES (%s, {values})".encode(), numbered)
    specs = {name: {"type": kind, "trim": False} for name, kind in columns.items()}
    job = a_snapshot(columns={"id": "integer"} | specs)

    first, second = rig.run(job), rig.run(job)

    assert first.tally == Tally(extracted=len(rows), inserted=len(rows)), first.error
    assert second.tally == Tally(extracted=len(rows), unchanged=len(rows))
    texts = "SELECT items::text FROM items ORDER BY id"
    assert rig.rows(texts) == rig.source_rows(texts)
