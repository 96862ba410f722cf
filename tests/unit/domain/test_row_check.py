"""Each rule of a column: which value it lets through, which it changes, and which it refuses."""

from ast import literal_eval
from decimal import Decimal

import pytest

from qupersync.domain.batch import Batch, Decoded, Refusal
from qupersync.domain.columns import ColumnSpec, ColumnType
from qupersync.domain.errors import ColumnMissingError, QueryError
from qupersync.domain.row_check import RowCheck


def checked(rows, *, names=("id", "value"), unreadable=None, **spec):
    """Check rows of an integer key and one column of which the rules are given."""
    specs = {
        "id": ColumnSpec.model_validate({"type": "integer"}),
        "value": ColumnSpec.model_validate({"type": "text"} | spec),
    }
    payloads = [repr(row).encode() for row in rows]
    batch = Batch(
        names=names, payloads=payloads, payload_format="test",
        decode=lambda _: Decoded(rows=rows, unreadable=unreadable or {}),
    )  # fmt: skip
    return RowCheck.compile(specs, ["id"], names)(batch)


def outcome(value, **spec):
    """The value that a column gets, or the reason why its row is refused."""
    result = checked([(1, value)], **spec)
    return result.rows[0][1] if result.rows else result.rejects[0].refusal.reason


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({}, "a b  ", "a b"),
        ({}, "  a\t ", "  a\t"),
        ({"trim": False}, "a ", "a "),
        ({}, "a\0b \0", "ab"),
        ({}, "", ""),
        ({}, None, None),
        ({}, 7, 7),
        ({"null_if": ["", "-"]}, "-  ", None),
        ({"null_if": ["", "-"]}, "--", "--"),
        ({"null_if": ["0"], "type": "bigint"}, 0, None),
        ({"null_if": ["true"]}, True, None),
        ({"null_if": ["0.000000000000000000"]}, Decimal("0E-18"), None),
        ({"default": "x"}, None, "x"),
        ({"default": "x"}, "", ""),
        ({"default": "x", "null_if": [""]}, "  ", "x"),
        ({"default": "x", "required": True}, None, "x"),
        ({"required": True}, None, "required"),
        ({"required": True, "null_if": [""]}, "", "required"),
        ({"required": True}, "", ""),
    ],
)
def test_a_rule_changes_no_more_than_it_says(spec, value, expected):
    assert outcome(value, **spec) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("smallint", 32767, 32767),
        ("smallint", 32768, "out-of-range"),
        ("smallint", -32769, "out-of-range"),
        ("bigint", Decimal(9223372036854775807), 2**63 - 1),
        ("bigint", Decimal(-9223372036854775809), "out-of-range"),
        ("bigint", Decimal("1E+37"), "out-of-range"),
        ("bigint", Decimal("1.00"), 1),
        ("bigint", Decimal("1.01"), "lossy-cast"),
        ("bigint", Decimal("NaN"), "invalid-value"),
        ("bigint", float("inf"), "invalid-value"),
        ("bigint", 1e300, "out-of-range"),
        ("bigint", "9" * 5000, "out-of-range"),
        ("bigint", " 7", 7),
        ("bigint", "seven", "invalid-value"),
        ("bigint", "", "invalid-value"),
        ("bigint", True, 1),
        ("integer", 0.5, "lossy-cast"),
        ("numeric(5,2)", Decimal("1.230000"), Decimal("1.23")),
        ("numeric(5,2)", Decimal("1.235"), "lossy-cast"),
        ("numeric(5,2)", Decimal("1e-999999"), "lossy-cast"),
        ("numeric(5,2)", 0.1, Decimal("0.1")),
        ("numeric(5,2)", 0.1 + 0.2, "lossy-cast"),
        ("numeric(5,2)", "1.235", "lossy-cast"),
        ("numeric(5,2)", "1e999999", "1e999999"),
        ("numeric(5,2)", "sNaN", "sNaN"),
        ("numeric(5,2)", "seven", "seven"),
        ("numeric(5,0)", Decimal("0.5"), "lossy-cast"),
        ("numeric", Decimal("1.235"), Decimal("1.235")),
        ("varchar(2)", "äö", "äö"),
        ("varchar(2)", "ab  ", "ab"),
        ("varchar(2)", "abc", "lossy-cast"),
        ("boolean", True, "true"),
        ("boolean", 1, "1"),
        ("jsonb", Decimal("1E+2"), "100"),
        ("date", "2026-03-01", "2026-03-01"),
        ("date", "2026-03-01 00:00:00.000", "2026-03-01 00:00:00.000"),
        ("date", "2026-03-01 00:00:00+00", "2026-03-01 00:00:00+00"),
        ("date", "2026-03-01 00:00:00+01", "lossy-cast"),
        ("date", "2026-03-01 00:00:01", "lossy-cast"),
        ("date", "0044-03-15 BC", "0044-03-15 BC"),
        ("date", "infinity", "infinity"),
        ("date", "today", "invalid-datetime"),
        ("date", "٢٠٢٦-03-01", "invalid-datetime"),
        ("date", 20260301, "invalid-datetime"),
        ("date", None, None),
        ("time", "24:00:00", "24:00:00"),
        ("time", "12:00:00.0000001", "lossy-cast"),
        ("time", "12:00:00+02", "lossy-cast"),
        ("time", "allballs", "invalid-datetime"),
        ("timestamp", "294276-12-31T23:59:59.999999", "294276-12-31T23:59:59.999999"),
        ("timestamp", "2026-03-01 12:00:00.1234560", "2026-03-01 12:00:00.1234560"),
        ("timestamp", "2026-03-01 12:00:00.1234561", "lossy-cast"),
        ("timestamp", "2026-03-01 12:00:00Z", "2026-03-01 12:00:00Z"),
        ("timestamp", "2026-03-01 12:00:00 +05:30", "lossy-cast"),
        ("timestamp", "-infinity", "-infinity"),
        ("timestamp", "now", "invalid-datetime"),
        ("timestamptz", "2026-03-01 12:00:00 +05:30", "2026-03-01 12:00:00 +05:30"),
        ("timestamptz", "2026-03-01 12:00:00 Europe/Berlin", "lossy-cast"),
        ("timestamptz", "epoch", "invalid-datetime"),
    ],
)
def test_a_type_takes_only_what_it_holds_whole(kind, value, expected):
    assert outcome(value, type=kind) == expected


@pytest.mark.parametrize(
    ("key", "reason"), [(None, "null-key"), ("1\0", "nul-in-key"), ("a", "invalid-value")]
)
def test_a_row_without_a_usable_key_is_refused(key, reason):
    result = checked([(key, "a"), (2, "b")])

    assert result.rows == [(2, "b")]
    assert [reject.refusal for reject in result.rejects] == [Refusal(reason, "id")]


@pytest.mark.parametrize(
    ("rows", "ends"),
    [
        ([(3, "a"), (9, "b"), (4, "c")], [3, 4]),
        ([(3, "a")], [3, 3]),
        ([(3, "a"), (None, "b")], []),
        ([("x", "a"), (4, "b")], []),
    ],
)
def test_what_the_first_row_and_the_last_have_is_known_if_both_keep_the_rules(rows, ends):
    batch = Batch(
        names=("id", "value"), payloads=[repr(row).encode() for row in rows], payload_format="test",
        decode=lambda payloads: Decoded(rows=[literal_eval(row.decode()) for row in payloads]),
    )  # fmt: skip
    specs = {"value": ColumnSpec(type="text"), "id": ColumnSpec(type="integer")}

    assert RowCheck.compile(specs, ["id"], batch.names).block(batch).ends("id") == ends


def test_the_first_broken_rule_of_a_row_is_its_reason():
    [reject] = checked([(None, None)], required=True).rejects

    assert reject.refusal == Refusal("null-key", "id")


def test_a_reject_holds_the_row_for_machines_and_for_people():
    row = (7, "a\0b")

    [reject] = checked([row], type="bigint").rejects

    assert (reject.payload, reject.payload_format) == (repr(row).encode(), "test")
    assert reject.values == {"id": "7", "value": "a␀b"}
    assert reject.key == '["7"]'


def test_an_unreadable_row_is_set_aside_and_its_neighbours_keep_their_places():
    rows = [(1, "a"), (), (3, None), (4, "d")]
    refusal = Refusal("not-utf8")

    result = checked(rows, unreadable={1: refusal}, required=True)

    assert result.rows == [(1, "a"), (4, "d")]
    assert [(r.refusal.reason, r.payload) for r in result.rejects] == [
        ("not-utf8", b"()"),
        ("required", b"(3, None)"),
    ]
    assert result.keys() == ['["1"]', '["4"]']
    late = result.reject(1, Refusal("check"))
    assert (late.key, late.payload) == ('["4"]', b"(4, 'd')")


def test_columns_are_picked_by_name_in_the_order_of_the_target():
    result = checked([("x", "a", 1)], names=("other", "b", "id"), **{"from": "b"})

    assert result.rows == [(1, "a")]


def test_an_only_column_is_a_row():
    check = RowCheck.compile({"id": ColumnSpec(type=ColumnType("integer"))}, ["id"], ["id"])
    batch = Batch(
        names=("id",), payloads=[b""], payload_format="test",
        decode=lambda _: Decoded(rows=[(1,)]),
    )  # fmt: skip

    assert check(batch).rows == [(1,)]


def test_all_columns_that_the_query_lacks_are_named():
    with pytest.raises(ColumnMissingError, match=r"^the query does not return: id, value$"):
        checked([], names=("other",))


def test_a_name_that_the_query_returns_twice_is_refused_where_it_matters():
    assert checked([(1, "a", 2, 3)], names=("id", "value", "x", "x")).rows == [(1, "a")]
    with pytest.raises(QueryError, match=r"^the query returns more than once: value$"):
        checked([], names=("id", "value", "value"))
