"""Both ways into the target leave the same rows, the same rejects and the same counts."""

import struct
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from qupersync.demo.faults import AtMessage, Fault, ReplaceField, Sender
from qupersync.domain.batch import Tally
from qupersync.domain.load_path import COPY_PAYS_FROM
from tests.pipeline.drawn import Case, cases, packed
from tests.pipeline.replay import Replay
from tests.pipeline.rig import ITEMS, Rig, a_snapshot
from tests.pipeline.test_plan import a_plan

# Whatever differs between two runs of the same rows: when they were, and under which numbers.
OWN = "'{run_id,reject_id,rejected_at,resolved_at,xid,fence,committed_at}'::text[]"
LEFT_BY_RUNS = [
    "SELECT items::text FROM items ORDER BY 1",
    f"SELECT to_jsonb(r) - {OWN} FROM quper.sync_rejects AS r ORDER BY payload, reason",
    f"SELECT to_jsonb(b) - {OWN} FROM quper.sync_batches AS b ORDER BY batch_seq",
]
EMPTIED = "TRUNCATE quper.sync_rejects, quper.sync_batches, quper.sync_logs, quper.qupersync_state"


def outcome(rig: Rig, case: Case, load: str) -> Any:
    """All that two runs leave behind, and what they say of themselves."""
    rig.at_target("DROP TABLE IF EXISTS items", f"{EMPTIED} CASCADE", case.table)
    job = case.job.model_copy(update={"load": load})
    first, second = case.found
    runs = [first.loaded(rig, job), second.loaded(rig, job, **case.again)]
    told = [
        (run.status, run.tally, run.error_code, run.warnings, run.lateness, run.oldest_open,
         run.watermark_after) for run in runs
    ]  # fmt: skip
    return told, [rig.rows(query) for query in LEFT_BY_RUNS]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_both_paths_leave_the_same(rig: Rig, case: Case):
    copied = outcome(rig, case, "copy")

    assert copied == outcome(rig, case, "executemany")


# What PostgreSQL would make something of in silence: too seldom drawn together with good rows.
BAD = [
    ("integer", "1_000"), ("integer", "0x1F"), ("numeric(5,2)", "1.234"),
    ("varchar(3)", "long"), ("date", "now"), ("date", "2026-01-02 03:04:05"), ("time", "allballs"),
    ("timestamp", "today"), ("timestamptz", "2026-01-02 03:04:05.1234567"),
]  # fmt: skip


def test_what_postgresql_would_only_guess_at_is_refused_on_both_paths(rig: Rig):
    for load, (kind, text) in product(["copy", "executemany"], BAD):
        rig.at_target(
            "DROP TABLE IF EXISTS items", f"CREATE TABLE items (id int PRIMARY KEY, v {kind})"
        )
        source = Replay(oids={"id": 23, "v": 1043}, rows=[(b"\0\0\0\1", text.encode())])

        run = source.loaded(rig, a_snapshot(columns={"id": "integer", "v": kind}, load=load))

        assert run.tally == Tally(extracted=1, skipped=1), (load, kind, text, run.error)


def test_a_default_that_postgresql_refuses_fails_no_row_that_does_not_need_it(rig: Rig):
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, v boolean)")
    columns = {"id": "integer", "v": {"type": "boolean", "default": 1.5}}
    source = Replay(oids={"id": 23, "v": 16}, rows=[(b"\0\0\0\1", b"\0")])

    run = source.loaded(rig, a_snapshot(columns=columns, load="copy"))

    assert run.tally == Tally(extracted=1, inserted=1), run.error


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
    rig.at_target(
        "CREATE TABLE items (id bigint PRIMARY KEY, at timestamptz, sum numeric(5,1),"
        " name varchar(1))"
    )
    return rig


@pytest.mark.parametrize(("load", "rows"), [("auto", COPY_PAYS_FROM), ("copy", 1)])
def test_good_rows_are_stored_without_being_decoded(items: Rig, load, rows):
    run = numbered(rows).loaded(items, a_snapshot(columns=SPECS, load=load))

    assert run.tally == Tally(extracted=rows, inserted=rows), run.error
    assert items.rows("SELECT id, at::text, sum::text, name FROM items WHERE id = 0") == [
        (0, "2026-01-02 03:04:05.5+00", "1.5", "x")
    ]


def test_few_rows_behind_others_are_not_decoded_either(items: Rig):
    rows = COPY_PAYS_FROM + 1

    run = numbered(rows).loaded(items, a_snapshot(columns=SPECS, batch_size=COPY_PAYS_FROM))

    assert run.tally == Tally(extracted=rows, inserted=rows), run.error


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


@pytest.mark.parametrize("nth", [1, 3])
def test_a_driver_whose_bytes_are_not_known_has_each_row_checked(rig: Rig, caplog, nth):
    rig.at_both(ITEMS)
    rig.at_source("INSERT INTO items SELECT i, 'a' FROM generate_series(1, 300) AS i")
    other_byte = ReplaceField(column=0, value=b"t")
    rig.stand_in.faults.arm(Fault(when=AtMessage(Sender.SERVER, b"D", nth), what=other_byte))

    plan = a_plan(rig, a_snapshot())
    assert plan.path is not None
    assert (plan.path.name, plan.batch_rows) == ("checked", 1_000)
    assert "unknown bytes of the driver" in caplog.text

    assert rig.run(a_snapshot()).tally.inserted == 300
