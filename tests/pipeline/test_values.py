"""Hostile values: blanks, NULs, bytes that are no text, huge texts, and the rules for them."""

import pytest

from qupersync.demo.faults import AtMessage, Fault, ReplaceField, Sender
from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import Rig, a_job, a_snapshot, add, tables

MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])


def refusals(rig: Rig) -> list[tuple[str, ...]]:
    return rig.rows("SELECT key, column_name, reason FROM quper.sync_rejects ORDER BY 1")


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


def test_a_row_too_large_for_memory_ends_the_run_with_its_size(rig: Rig):
    add(tables(rig), "1, 'short'", "2, repeat('x', 70000000)")

    run = rig.run(a_job())
    assert (run.error_code, rig.rows("SELECT id FROM items")) == ("query-failed", [])
    assert "a row of 70,000" in str(run.error)


def struck(rig: Rig, column: int, value: bytes, *, before: int = 4) -> None:
    """Have the second row of a result come with these bytes.

    ``before`` are the rows that the source sends first: a snapshot asks for the known bytes, once
    and twice more, and for its rights.
    """
    field = ReplaceField(column=column, value=value)
    when = AtMessage(Sender.SERVER, b"D", before + 2)
    rig.stand_in.faults.arm(Fault(when=when, what=field))


@MODES
@pytest.mark.parametrize("value", [b"\xc3", b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xf0\x9f"])
def test_bytes_that_are_no_utf8_are_set_aside_bit_for_bit(rig: Rig, job, value):
    add(tables(rig), "1, 'a'", "2, 'b'", "3, 'c'")
    # An incremental run asks for the source's clock and its oldest row instead of the rights.
    struck(rig, 1, value, before=5 if job.watermark else 4)

    run = rig.run(job)

    assert run.tally == Tally(extracted=3, inserted=2, skipped=1), run.error
    [(reason, payload, form)] = rig.rows(
        "SELECT reason, payload, payload_format FROM quper.sync_rejects"
    )
    assert (reason, form) == (
        "not-utf8",
        'datarow-v2 [["id", 23], ["name", 25], ["changed", 1114]]',
    )
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
