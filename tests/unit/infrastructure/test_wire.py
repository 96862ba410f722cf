"""Bytes of the source's rows to values, and nothing that is not what it says."""

import struct
from decimal import Decimal

import pytest

from qupersync.infrastructure.redshift.layout import Layout
from qupersync.infrastructure.redshift.probe import _PROBED, _PROBED_OIDS, is_as_known
from tests.datarow import body


def decoded(oid: int, *fields: bytes | None):
    names = [f"c{at}" for at in range(len(fields))]
    return Layout.of(names, [oid] * len(fields), [-1] * len(fields)).decode(body(fields))


@pytest.mark.parametrize(
    ("oid", "raw", "value"),
    [
        (16, b"\x01", True),
        (16, b"\x00", False),
        (20, b"\x80" + b"\0" * 7, -(2**63)),
        (21, b"\xff\xfe", -2),
        (23, b"\x7f\xff\xff\xff", 2**31 - 1),
        (26, b"\xff\xff\xff\xff", 2**32 - 1),
        (700, struct.pack("!f", 0.5), 0.5),
        (701, struct.pack("!d", 5e-324), 5e-324),
        (1700, b"0.000000000000000000", Decimal("0E-18")),
        (1700, b"-99999999999999999999.999999999999999999",
         Decimal("-99999999999999999999.999999999999999999")),
        (1043, "äöü😀 ".encode(), "äöü😀 "),
        (1043, b"", ""),
        # As PostgreSQL 18 writes and sends them.
        (1114, struct.pack("!q", 0), "2000-01-01 00:00:00"),
        (1114, struct.pack("!q", -1), "1999-12-31 23:59:59.999999"),
        (1114, struct.pack("!q", -64_464_465_599_999_999), "0044-03-15 12:00:00.000001 BC"),
        (1114, struct.pack("!q", 9_223_371_331_199_999_999), "294276-12-31 23:59:59.999999"),
        (1114, struct.pack("!q", -211_810_204_800_000_000), "4713-01-01 00:00:00 BC"),
        (1184, struct.pack("!q", 820_638_245_500_000), "2026-01-02 03:04:05.5+00"),
        (1184, struct.pack("!q", -64_464_508_800_000_000), "0044-03-15 00:00:00+00 BC"),
        (1184, struct.pack("!q", 2**63 - 1), "infinity"),
        (1184, struct.pack("!q", -(2**63)), "-infinity"),
        (1083, b"24:00:00", "24:00:00"),
        (4000, b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
    ],
)  # fmt: skip
def test_a_value_is_read_exactly(oid, raw, value):
    assert decoded(oid, None, raw, None) == (None, value, None)


@pytest.mark.parametrize(
    ("oid", "raw", "error"),
    [
        (1043, b"\xc3", UnicodeDecodeError),
        (1043, b"\xed\xa0\x80", UnicodeDecodeError),
        (1700, b"1.5 EUR", ArithmeticError),
        (1700, b"\xff", UnicodeDecodeError),
        (16, b"", struct.error),
        (21, b"\0", struct.error),
        (23, b"\0" * 8, struct.error),
        (20, b"\0" * 4, struct.error),
        (700, b"\0" * 8, struct.error),
        (701, b"\0" * 4, struct.error),
    ],
)
def test_bytes_that_are_not_of_their_type_are_never_guessed_at(oid, raw, error):
    with pytest.raises(error):
        decoded(oid, raw)


def test_a_row_that_is_cut_short_is_an_error():
    with pytest.raises(struct.error):
        Layout.of(["a", "b"], [23, 23], [-1, -1]).decode(body([b"\0\0\0\1"]))


@pytest.mark.parametrize(
    ("oid", "modifier", "kind"),
    [
        (1700, (38 << 16 | 18) + 4, "numeric(38,18)"),
        (1700, -1, "numeric"),
        (1114, -1, "timestamptz"),
        (1042, 14, "text"),
        (4000, -1, "text"),
        (16, -1, "boolean"),
    ],
)
def test_a_copy_has_a_type_that_holds_the_sources_values(oid, modifier, kind):
    assert str(*Layout.of(["a"], [oid], [modifier]).types) == kind


@pytest.mark.parametrize(
    ("version", "is_known"), [("2.2.0", True), ("2.2.9", True), ("2.3.0", False), ("3.0", False)]
)
def test_the_bytes_of_an_unknown_version_of_the_driver_are_not_known(version, is_known):
    layout = Layout((), (), (), _PROBED_OIDS)

    assert is_as_known(layout, [body(_PROBED)], version) is is_known


def test_rows_that_an_earlier_version_kept_have_timestamps_as_text():
    kept = Layout.kept('datarow-v1 [["id", 23], ["changed", 1114]]')

    assert kept.decode(body([b"\0\0\0\2", b"2026-01-02 03:04:05"])) == (2, "2026-01-02 03:04:05")
    assert kept.payload_format == 'datarow-v1 [["id", 23], ["changed", 1114]]'
