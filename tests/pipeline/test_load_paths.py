"""Both ways into the target leave the same rows, the same rejects and the same counts."""

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qupersync.demo.faults import AtMessage, Fault, ReplaceField, Sender
from qupersync.domain.batch import Tally
from qupersync.domain.load_path import COPY_PAYS_FROM
from tests.pipeline.replay import Replay
from tests.pipeline.rig import ITEMS, Rig, a_snapshot
from tests.pipeline.test_plan import a_plan

TEXTS = [
    "", " ", "a", "a  ", " b", "now", "äöü😀", "x" * 30, "a\0b", "NULL", "-", "0", "7", "-5", "+5",
    " 7", "7 ", "007", "1_000", "0x1F", "1e3", "99999", "3000000000", "9" * 30, "1.5", "1.50",
    "1.234", ".5", "5.", "-0", "-0.00", "NaN", "inf", "-infinity", "infinity", "1e999", "true",
    "yes", "f", "2026-01-02", "2026-01-02 03:04:05", "2026-01-02 03:04:05.123456",
    "2026-01-02 03:04:05.1234567", "2026-01-02 03:04:05.10", "2026-01-02 00:00:00",
    "2026-01-02 03:04:05+00", "2026-01-02 03:04:05+02", "2026-02-30", "0044-03-15 BC",
    "0044-03-15 12:00:00 BC", "12026-01-02", "today", "allballs", "03:04:05", "03:04:05.5",
    "24:00:00", "12:00:00+02", "{}", '{"b": 1,  "a": [1.0]}', '"\\u0000"', '"\\ud800"',
    "b8b5bb66-34c1-4d5e-8e6c-3a0c2a7c1111", "٣", "Infinity", "2026-01-02\n",
]  # fmt: skip
NUMERICS = [
    "0", "7", "-5", "1.50", "1.234", "0.000000000000000000", "-0", "007", "9" * 38, "40000", ".5",
    "5.", "-", "", "NaN", "1e5", "0x10", "1_0", "1.5 EUR", "3.00", " 1",
]  # fmt: skip
NO_TEXTS = [b"\xff", b"\xc3", b"a\0", b"\xed\xa0\x80"]
TYPES = [
    "smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(5,2)",
    "numeric(38,10)", "boolean", "text", "varchar(3)", "date", "time", "timestamp", "timestamptz",
    "jsonb", "uuid",
]  # fmt: skip


def packed(form: str, *values: float) -> list[bytes]:
    return [struct.pack(form, value) for value in values]


FLOATS = (0.0, -0.0, 1.5, 0.1, 1e30, float("inf"), float("nan"), 7.0)
MICROS = (0, -1, 820_638_245_500_000, 820_627_200_000_000, -(2**56), -(2**62), 2**63 - 1, -(2**63))
FIELDS: dict[int, list[bytes]] = {
    16: [b"\1", b"\0", b"\2", b""],
    20: [*packed("!q", 0, 7, -5, 40_000, 2**31, 2**53 + 1, -(2**63)), b"\0"],
    21: [*packed("!h", 0, 7, -5, 32_767), b"\0"],
    23: [*packed("!i", 0, 7, -5, 40_000, 2**24 + 1, -(2**31)), b"\0" * 8],
    26: packed("!I", 0, 7, 2**31, 2**32 - 1),
    700: [*packed("!f", *FLOATS), b""],
    701: [*packed("!d", *FLOATS, 1e300, 5e-324), b"\0" * 4],
    1043: [*(text.encode() for text in TEXTS), *NO_TEXTS],
    1114: [*packed("!q", *MICROS), b"\0" * 4],
    1184: packed("!q", *MICROS),
    1700: [*(text.encode() for text in NUMERICS), b"\xff"],
}
KEYS: dict[int, list[bytes]] = {
    23: packed("!i", 1, 2, 3),
    1043: [b"a", b"a ", b"b", b"A", b"", b"a\0", b"\xff"],
}


def fields(oid: int, pool: dict[int, list[bytes]]) -> st.SearchStrategy[bytes | None]:
    """Few different values, so that often all of them suit the column."""
    some = st.lists(st.sampled_from(pool[oid]), min_size=1, max_size=3, unique=True)
    nulls = st.sampled_from([[], [None]])
    return st.tuples(some, nulls).flatmap(lambda both: st.sampled_from([*both[0], *both[1]]))


@st.composite
def columns(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    """A column of the source, and the rules of the target's."""
    oid = draw(st.sampled_from([*FIELDS, 1043, 1043]))
    spec: dict[str, Any] = {"type": draw(st.sampled_from(TYPES))}
    rules = {
        "trim": st.just(value=False),
        "required": st.just(value=True),
        "null_if": st.lists(st.sampled_from(["", "-", "0", "7", "true", "1.50"]), min_size=1),
        "default": st.sampled_from([0, 1.5, True, "x", "7", "", "2026-01-02", "long text"]),
    }
    for rule in draw(st.sets(st.sampled_from(sorted(rules)), max_size=2)):
        spec[rule] = draw(rules[rule])
    return oid, spec


@st.composite
def cases(draw: st.DrawFn) -> tuple[Replay, dict[str, Any], int]:
    """Rows under a key and some columns, with their rules and a batch size."""
    key_oid = draw(st.sampled_from(list(KEYS)))
    drawn = draw(st.lists(columns(), max_size=4))
    oids = {"id": key_oid} | {f"v{at}": oid for at, (oid, _) in enumerate(drawn)}
    specs: dict[str, Any] = {"id": {"type": {23: "integer", 1043: "text"}[key_oid]}}
    specs |= {f"v{at}": spec for at, (_, spec) in enumerate(drawn)}
    row = st.tuples(fields(key_oid, KEYS), *(fields(oid, FIELDS) for oid, _ in drawn))
    rows = draw(st.lists(row, max_size=8))
    return Replay(oids=oids, rows=rows), specs, draw(st.sampled_from([2, 100]))


def table(specs: dict[str, Any]) -> str:
    """The statement that makes items with these columns."""
    named = (f'"{name}" {spec["type"]}' for name, spec in specs.items())
    return f"CREATE TABLE items ({', '.join(named)}, PRIMARY KEY (id))"


def outcome(rig: Rig, source: Replay, specs: dict[str, Any], load: str, batch: int) -> Any:
    """All that a run leaves behind."""
    rig.at_target(
        "DROP TABLE IF EXISTS items",
        "DELETE FROM quper.sync_rejects",
        table(specs),
    )
    job = a_snapshot(
        columns=specs, load=load, batch_size=batch, max_rejects="100%", delete_missing=False
    )
    runs = [source.loaded(rig, job) for _ in range(2)]
    rejects = rig.rows(
        "SELECT key, column_name, reason, sqlstate, row, payload, payload_format, times_seen"
        " FROM quper.sync_rejects ORDER BY payload, reason"
    )
    rows = rig.rows("SELECT items::text FROM items ORDER BY id")
    return [(run.status, run.tally, run.error_code) for run in runs], rows, rejects


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_both_paths_leave_the_same(rig: Rig, case):
    source, specs, batch = case

    copied = outcome(rig, source, specs, "copy", batch)

    assert copied == outcome(rig, source, specs, "executemany", batch)


GOOD = (*packed("!q", 820_638_245_500_000), b"1.50", b"x ")
LEFT = "raw path left: each row of the rest of this run is checked, which is slower"


def numbered(rows: int, **fields: Any) -> Replay:
    """Good rows, but for those ``fields`` that are given."""
    last = tuple(
        fields.get(name, good) for name, good in zip(("at", "sum", "name"), GOOD, strict=True)
    )
    return Replay(
        oids={"id": 23, "at": 1114, "sum": 1700, "name": 1043},
        rows=[(struct.pack("!i", at), *last) for at in range(rows)],
        decodes=bool(fields),
    )


KINDS = {"id": "bigint", "at": "timestamptz", "sum": "numeric(5,1)", "name": "varchar(1)"}
SPECS: dict[str, Any] = {name: {"type": kind} for name, kind in KINDS.items()}


@pytest.fixture
def items(rig: Rig) -> Rig:
    """The table for ``numbered``."""
    rig.at_target(table(SPECS))
    return rig


@pytest.mark.parametrize(("load", "rows"), [("auto", COPY_PAYS_FROM), ("copy", 1)])
def test_good_rows_are_stored_without_being_decoded(items: Rig, load, rows):
    run = numbered(rows).loaded(items, a_snapshot(columns=SPECS, load=load))

    assert run.tally == Tally(extracted=rows, inserted=rows), run.error
    assert items.rows("SELECT id, at::text, sum::text, name FROM items WHERE id = 0") == [
        (0, "2026-01-02 03:04:05.5+00", "1.5", "x")
    ]


def test_few_rows_are_decoded_and_checked(items: Rig):
    with pytest.raises(AssertionError, match="not decoded"):
        numbered(COPY_PAYS_FROM - 1).loaded(items, a_snapshot(columns=SPECS))


@pytest.mark.parametrize(
    "bad",
    [
        {"name": b"a\0"},
        {"name": b"\xff"},
        {"name": b"xy"},
        {"sum": b"1.23"},
        {"at": b"now"},
        {"at": packed("!q", -(2**62))[0]},
    ],
)
def test_after_three_refused_batches_the_rest_of_the_run_is_checked(items: Rig, caplog, bad):
    job = a_snapshot(columns=SPECS, load="copy", batch_size=1, max_rejects="100%")

    numbered(2, **bad).loaded(items, job)
    assert LEFT not in caplog.messages

    numbered(5, **bad).loaded(items, job)
    assert caplog.messages.count(LEFT) == 1


def test_the_later_of_two_rows_with_one_key_is_kept(items: Rig):
    key = struct.pack("!i", 1)
    # Rows of unlike size: PostgreSQL may put a small one into an earlier page.
    names = [b"long " * (at % 7) * 100 + b"%d" % at for at in range(2_000)]
    rows = Replay(oids={"id": 23, "name": 1043}, rows=[(key, name) for name in names])
    items.at_target("ALTER TABLE items ALTER name TYPE text")

    run = rows.loaded(items, a_snapshot(columns={"id": "bigint", "name": "text"}))

    assert run.tally == Tally(extracted=2_000, inserted=1, deduplicated=1_999), run.error
    assert items.rows("SELECT name FROM items") == [(names[-1].decode(),)]


def test_a_driver_whose_bytes_are_not_known_has_each_row_checked(rig: Rig, caplog):
    rig.at_both(ITEMS)
    rig.at_source("INSERT INTO items SELECT i, 'a' FROM generate_series(1, 300) AS i")
    other_byte = ReplaceField(column=0, value=b"t")
    rig.stand_in.faults.arm(Fault(when=AtMessage(Sender.SERVER, b"D"), what=other_byte))

    plan = a_plan(rig, a_snapshot())
    assert plan.path is not None
    assert (plan.path.name, plan.batch_rows) == ("checked", 1_000)
    assert "unknown bytes of the driver" in caplog.text

    assert rig.run(a_snapshot()).tally.inserted == 300
