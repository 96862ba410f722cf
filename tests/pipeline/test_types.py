"""Every type arrives exactly as it is, or its row is set aside: nothing is changed in silence."""

from datetime import UTC, datetime

import pytest

from qupersync.domain.batch import Tally
from tests.pipeline.rig import Rig, a_job, a_snapshot

EXACT = {
    "smallint": ["-32768", "32767", "0"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
    "real": ["0.1", "-0.0", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"],
    "double precision": ["0.1", "-0.0", "1e308", "5e-324", "NaN", "Infinity", "-Infinity"],
    "numeric(38,18)": [
        "12345678901234567890.123456789012345678", "-99999999999999999999.999999999999999999",
        "0.000000000000000001", "NaN", "0", "1e19",
    ],
    "numeric": ["1e300", "1.10", "NaN", "0.0000000000000000000000000000000000000000001"],
    "numeric(38,0)": ["99999999999999999999999999999999999999"],
    "boolean": ["true", "false"],
    "text": ["", " ", "NULL", r"\N", r"C:\new", "'; DROP TABLE items; --", "a\nb\r\tc",
             "😀🏳️‍🌈", "%s %(x)s {}"],
    "varchar(3)": ["äöü", "😀😀😀", ""],
    "date": [
        "0044-03-15 BC", "4713-01-01 BC", "0001-01-01", "1969-12-31", "infinity", "-infinity",
        "5874897-12-31",
    ],
    "time": ["24:00:00", "00:00:00", "23:59:59.999999"],
    "timestamp": [
        "0044-03-15 12:00:00.000001 BC", "4713-01-01 00:00:00 BC", "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.999999", "2026-02-28 23:59:59.000001", "infinity", "-infinity",
        "294276-12-31 23:59:59.999999",
    ],
    "timestamptz": [
        "0044-03-15 12:00:00+00 BC", "4713-01-02 00:00:00+00 BC", "1969-12-31 23:59:59.999999+00",
        "2026-03-29 03:30:00+02", "infinity", "-infinity", "294276-12-31 23:59:59+00",
    ],
    "jsonb": ['{"a": [1, "😀", null]}', '"x"', "1e400", "{}"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "f47ac10b-58cc-4372-a567-0e02b2c3d479"],
}  # fmt: skip
TEXTS = "SELECT id, value::text FROM items ORDER BY id"


def fill(rig: Rig, source: str, target: str, *literals: str) -> None:
    """One row per literal, numbered from 1, in items at the source; none at the target."""
    rig.at_source(f"CREATE TABLE items (id int PRIMARY KEY, value {source}, changed timestamp)")
    rig.at_target(f"CREATE TABLE items (id int PRIMARY KEY, value {target}, changed timestamp)")
    rows = ", ".join(
        f"({number}, $q${literal}$q$, '2026-03-01 11:30')"
        for number, literal in enumerate(literals, start=1)
    )
    rig.at_source(f"INSERT INTO items VALUES {rows}")


def refusals(rig: Rig) -> list[tuple[str, ...]]:
    return rig.rows("SELECT key, column_name, reason, sqlstate FROM quper.sync_rejects ORDER BY 1")


@pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
@pytest.mark.parametrize(("kind", "literals"), EXACT.items(), ids=list(EXACT))
def test_a_value_arrives_exactly_as_it_is_and_stays_unchanged(rig, job, kind, literals):
    fill(rig, kind, kind, *literals)
    spec = {"type": kind, "trim": False}
    job = job.model_validate(
        job.model_dump(exclude={"columns"}, exclude_unset=True, by_alias=True)
        | {"columns": {"id": "integer", "value": spec, "changed": "timestamp"}}
    )

    first, second = rig.run(job), rig.run(job)

    size = len(literals)
    assert first.tally == Tally(extracted=size, inserted=size), (first.error, refusals(rig))
    assert rig.rows(TEXTS) == rig.source_rows(TEXTS)
    assert second.tally == Tally(extracted=size, unchanged=size)


@pytest.mark.parametrize(
    ("given", "kind", "literal", "text"),
    [
        ("numeric(38,18)", "numeric(10,2)", "1.500000000000000000", "1.50"),
        ("numeric(38,0)", "bigint", "9223372036854775807", "9223372036854775807"),
        ("numeric(38,2)", "double precision", "0.10", "0.1"),
        ("bigint", "integer", "-2147483648", "-2147483648"),
        ("double precision", "integer", "3.0", "3"),
        ("double precision", "numeric(10,2)", "0.1", "0.10"),
        ("double precision", "text", "1e308", "1e+308"),
        ("real", "double precision", "1.5", "1.5"),
        ("real", "double precision", "0.1", "0.10000000149011612"),
        ("real", "text", "0.1", "0.1"),
        ("real", "numeric(10,2)", "0.1", "0.10"),
        ("double precision", "real", "1.5", "1.5"),
        ("bigint", "real", "16777216", "1.6777216e+07"),
        ("double precision", "real", "NaN", "NaN"),
        ("boolean", "text", "true", "true"),
        ("boolean", "integer", "true", "1"),
        ("integer", "boolean", "1", "true"),
        ("integer", "jsonb", "7", "7"),
        ("boolean", "jsonb", "false", "false"),
        ("numeric(38,2)", "text", "0.00", "0.00"),
        ("char(10)", "text", "a b  ", "a b"),
        ("char(10)", "boolean", "yes", "true"),
        ("text", "uuid", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("timestamp", "date", "2026-03-01 00:00:00", "2026-03-01"),
        ("timestamp", "date", "infinity", "infinity"),
        ("timestamptz", "date", "0044-03-15 00:00:00+00 BC", "0044-03-15 BC"),
        ("date", "timestamptz", "2026-03-01", "2026-03-01 00:00:00+00"),
        ("timestamp", "timestamptz", "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999+00"),
        ("timestamptz", "timestamp", "2026-03-29 03:30:00+02", "2026-03-29 01:30:00"),
        ("timetz", "time", "12:00:00+00", "12:00:00"),
        ("text", "timestamptz", "2026-03-01T12:00:00+05:30", "2026-03-01 06:30:00+00"),
    ],
)  # fmt: skip
def test_a_value_that_another_type_holds_whole_is_converted(rig, given, kind, literal, text):
    fill(rig, given, kind, literal)

    run = rig.run(a_snapshot())

    assert run.tally == Tally(extracted=1, inserted=1), (run.error, refusals(rig))
    assert rig.rows(TEXTS) == [(1, text)]


@pytest.mark.parametrize(
    ("given", "kind", "literal", "reason", "sqlstate"),
    [
        ("numeric(38,18)", "numeric(10,2)", "1.505", "lossy-cast", ""),
        ("numeric", "numeric(10,2)", "1e300", "out-of-range", "22003"),
        ("numeric", "numeric(38,2)", "Infinity", "out-of-range", "22003"),
        ("numeric(38,1)", "bigint", "1.5", "lossy-cast", ""),
        ("numeric(38,0)", "bigint", "9223372036854775808", "out-of-range", ""),
        ("bigint", "integer", "2147483648", "out-of-range", ""),
        ("integer", "smallint", "-32769", "out-of-range", ""),
        ("double precision", "integer", "1.5", "lossy-cast", ""),
        ("double precision", "bigint", "1e300", "out-of-range", ""),
        ("double precision", "bigint", "NaN", "invalid-value", ""),
        ("double precision", "real", "1e308", "out-of-range", ""),
        ("double precision", "real", "0.1", "lossy-cast", ""),
        ("bigint", "real", "16777217", "lossy-cast", ""),
        ("bigint", "double precision", "9007199254740993", "lossy-cast", ""),
        ("text", "integer", "1_000", "invalid-value", ""),
        ("double precision", "numeric(10,2)", "0.001", "lossy-cast", ""),
        ("text", "integer", "secret", "invalid-value", ""),
        ("text", "numeric(10,2)", "secret", "invalid-value", "22P02"),
        ("text", "boolean", "secret", "invalid-value", "22P02"),
        ("text", "uuid", "secret", "invalid-value", "22P02"),
        ("text", "jsonb", "{secret", "invalid-value", "22P02"),
        ("text", "jsonb", r'{"secret": "\u0000"}', "invalid-value", "22P05"),
        ("text", "varchar(3)", "secret", "lossy-cast", ""),
        ("integer", "varchar(3)", "12345", "lossy-cast", "22001"),
        ("timestamp", "date", "2026-03-01 00:00:00.000001", "lossy-cast", ""),
        ("timestamp", "time", "2026-03-01 00:00:00", "lossy-cast", ""),
        ("timetz", "time", "12:00:00+05", "lossy-cast", ""),
        ("text", "timestamp", "2026-03-01 12:00:00+05", "lossy-cast", ""),
        ("text", "timestamp", "2026-03-01 12:00:00.0000001", "lossy-cast", ""),
        ("text", "timestamptz", "now", "invalid-datetime", ""),
        ("text", "date", "tomorrow", "invalid-datetime", ""),
        ("text", "date", "01/02/2026", "invalid-datetime", ""),
        ("text", "date", "2026-02-30", "invalid-datetime", "22008"),
        ("date", "timestamp", "5874897-12-31", "invalid-datetime", "22008"),
    ],
)  # fmt: skip
def test_a_value_that_the_type_would_change_is_set_aside(
    rig, given, kind, literal, reason, sqlstate
):
    fill(rig, given, kind, literal)
    rig.at_source("INSERT INTO items VALUES (2, NULL, '2026-03-01 11:30')")

    run = rig.run(a_snapshot())

    assert run.tally == Tally(extracted=2, inserted=1, skipped=1), run.error
    assert refusals(rig) == [('["1"]', "value", reason, sqlstate)]
    assert rig.rows(TEXTS) == [(2, None)]


def test_a_naive_time_of_the_source_is_utc_whatever_zone_the_target_is_in(rig: Rig):
    fill(rig, "timestamp", "timestamptz", "2026-03-29 02:30:00")
    name = rig.rows("SELECT current_database()")[0][0]
    rig.at_target(f"ALTER DATABASE \"{name}\" SET timezone TO 'Asia/Kolkata'")

    rig.run(a_snapshot())

    assert rig.rows("SELECT value FROM items") == [(datetime(2026, 3, 29, 2, 30, tzinfo=UTC),)]
