"""Equal rows give equal hashes on both sides, whatever is in them; different rows do not."""

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from qupersync.domain.likeness import Likeness
from qupersync.domain.run import Status
from qupersync.domain.verdict import Content, Proof
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.copied import Copy
from qupersync.infrastructure.redshift.original import Original
from tests.pipeline.proof import verified
from tests.pipeline.rig import NOON, Rig, a_job

AT = "2026-02-28 12:00"
ALL = Window(NOON.replace(year=2025), NOON)
NAMES = ['qu"ote', "100%", "%s", "br{ace}", "na me", "Über", "qupersync_rows", "digest", "mark"]
TEXTS = [
    None, "", " ", "a", "a  ", "  a", "-", "'", "''", '"', ",", "|", "\\", "\\'", "a\\nb", "a\nb",
    "%", "%s", "{x}", "$1", "ä", "a\u0308", "😀", "\u00a0", "\t", "NULL", "null", "0", "x" * 5000,
]  # fmt: skip
NUMBERS = [
    None, "0", "0.0000", "-0.5", "0.1", "1.5000", "100", "100.0000", "-100.2500", "0.0001",
    "99999999999999999999.9999", "-99999999999999999999.9999",
]  # fmt: skip
MOMENTS = [
    None, "2026-02-28 00:00", "2026-02-28 23:59:59.999999", "2026-02-28 12:00:00.1",
    "1969-12-31 23:59:59", "0001-01-01", "9999-12-31 23:59:59.999999",
]  # fmt: skip


def differences(rig: Rig, job: Any) -> list[Window]:
    verdict = verified(rig, job)
    assert verdict.proof in {Proof.OK, Proof.DIFFERS}, verdict.reason
    assert verdict.rows > 0
    return [difference.window for difference in verdict.differences]


def filled(rig: Rig, columns: str, rows: list[tuple[Any, ...]], target: str = "") -> None:
    """Make items on both sides with a key and these columns, and fill the source."""
    rig.at_source(f"CREATE TABLE items (id int, {columns}, changed timestamp)")
    rig.at_target(
        f"CREATE TABLE items (id int PRIMARY KEY, {target or columns}, changed timestamp)"
    )
    with psycopg.connect(rig.source) as connection, connection.cursor() as cursor:
        marks = ", ".join(["%s"] * (len(rows[0]) + 1))
        insert = f"INSERT INTO items VALUES ({marks}, '{AT}')".encode()
        cursor.executemany(insert, [(at, *row) for at, row in enumerate(rows)])


@pytest.mark.parametrize(
    ("columns", "values", "there"),
    [
        ("v text", TEXTS, ""),
        ("v varchar(5000)", TEXTS, "v text"),
        ("v char(40)", [text for text in TEXTS if not text or len(text) < 40], "v text"),
        ("v numeric(24,4)", NUMBERS, ""),
        ("v numeric(24,4)", NUMBERS, "v numeric"),
        ("v bigint", [None, 0, 100, -7, 2**63 - 1, -(2**63)], "v numeric(20,1)"),
        ("v smallint", [None, 0, 10, -32768], "v bigint"),
        ("v boolean", [None, True, False], ""),
        ("v date", [None, "2026-02-28", "0001-01-01", "9999-12-31", "1969-12-31"], ""),
        ("v timestamp", MOMENTS, ""),
        ("v timestamp", MOMENTS, "v timestamptz"),
        ("v timestamptz", [m and f"{m}+05:30" for m in MOMENTS[:5]], ""),
        ("v timestamptz", MOMENTS, "v timestamp"),
    ],
)
def test_equal_values_are_alike_and_each_other_value_is_seen(
    rig: Rig, columns: str, values: list[Any], there: str
):
    filled(rig, columns, [(value,) for value in values], there)
    run = rig.run(a_job())
    assert (run.status, run.tally.skipped) == (Status.SUCCESS, 0), run.error
    assert verified(rig, a_job()).left_out == ()
    assert differences(rig, a_job()) == []

    rig.at_target("UPDATE items SET v = (SELECT v FROM items WHERE id = 1) WHERE id = 0")
    assert len(differences(rig, a_job())) == 1


def test_columns_of_any_name_are_alike(rig: Rig):
    quoted = ", ".join('"' + name.replace('"', '""') + '" text' for name in NAMES)
    filled(rig, quoted, [tuple(TEXTS[3 + at : 3 + at + len(NAMES)]) for at in range(10)])
    assert rig.run(a_job()).status is Status.SUCCESS
    assert verified(rig, a_job()).left_out == ()
    assert differences(rig, a_job()) == []

    for name in NAMES:
        with psycopg.connect(rig.target) as connection:
            change = SQL("UPDATE items SET {0} = {0} || 'x' WHERE id = 3").format(Identifier(name))
            connection.execute(change)
        assert len(differences(rig, a_job())) == 1
        with psycopg.connect(rig.target) as connection:
            undo = SQL("UPDATE items SET {0} = left({0}, -1) WHERE id = 3").format(Identifier(name))
            connection.execute(undo)
    assert differences(rig, a_job()) == []


def test_values_that_change_places_between_columns_or_rows_are_seen(rig: Rig):
    filled(rig, "a text, b text", [("x", ""), ("", "x"), ("xy", None), ("x", "y")])
    rig.run(a_job())
    assert differences(rig, a_job()) == []

    for swap in (
        "UPDATE items SET a = b, b = a WHERE id = 0",
        "UPDATE items SET a = CASE id WHEN 1 THEN 'xy' ELSE '' END WHERE id IN (1, 2)",
        "UPDATE items SET a = 'x', b = 'y' WHERE id = 2",
    ):
        rig.at_target("CREATE TABLE kept AS TABLE items", swap)
        assert len(differences(rig, a_job())) == 1
        rig.at_target("TRUNCATE items", "INSERT INTO items TABLE kept", "DROP TABLE kept")


RULES = {
    "id": "integer",
    "name": {"type": "text", "from": "v", "null_if": ["-", "it's \\ 100%"], "default": "o'\\%s"},
    "size": {"type": "integer", "from": "n", "null_if": ["0", "7"], "default": -1},
    "share": {"type": "numeric(12,2)", "from": "p", "null_if": ["1.50"], "default": 2.5},
    "flag": {"type": "boolean", "from": "f", "null_if": ["false"], "default": True},
    "day": {"type": "date", "from": "d", "null_if": ["2026-01-01"], "default": "2020-02-29"},
    "at": {
        "type": "timestamptz", "from": "t",
        "null_if": ["2026-01-01 00:00:00"], "default": "2020-02-29 12:00",
    },
    "changed": "timestamp",
}  # fmt: skip
RULED = [
    ("-", 0, "1.50", False, "2026-01-01", "2026-01-01"),
    ("it's \\ 100%", 7, "1.5", True, "2026-01-02", "2026-01-01 00:00:01"),
    (None, None, None, None, None, None),
    ("-  ", 70, "-2.00", True, "2020-02-29", "2020-02-29 12:00"),
    ("a -", -7, "15", False, "1999-12-31", "1999-12-31 23:59:59.5"),
]


def test_values_are_compared_after_the_jobs_rules_for_them(rig: Rig):
    filled(
        rig,
        "v char(20), n int, p numeric(12,2), f boolean, d date, t timestamp",
        RULED,
        "name text, size int, share numeric(12,2), flag boolean, day date, at timestamptz",
    )
    job = a_job(columns=RULES)
    run = rig.run(job)
    assert (run.status, run.tally.inserted) == (Status.SUCCESS, len(RULED)), run.error
    verdict = verified(rig, job)

    assert (verdict.proof, verdict.left_out, verdict.rows) == (Proof.OK, (), len(RULED))
    assert rig.rows("SELECT name, size, share, flag FROM items WHERE id = 0") == [
        ("o'\\%s", -1, 2.5, True)
    ]


def test_a_text_that_is_not_trimmed_keeps_its_blanks_in_the_hash(rig: Rig):
    filled(rig, "v varchar(9)", [("a  ",), ("  ",), ("",)], "v text")
    untrimmed = {"type": "text", "trim": False}
    job = a_job(columns={"id": "integer", "v": untrimmed, "changed": "timestamp"})
    rig.run(job)
    assert differences(rig, job) == []

    rig.at_target("UPDATE items SET v = rtrim(v) WHERE id = 0")
    assert len(differences(rig, job)) == 1


def test_what_the_two_sides_write_differently_is_left_out_and_named(rig: Rig):
    filled(
        rig,
        "r real, d double precision, j text, u text, c char(3), n text, h time, s int",
        [(0.1, 1e300, '{"a": 1}', "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "c", "7", "12:00", 5)],
        "r real, d double precision, j jsonb, u uuid, c text, n int, h time, s text",
    )
    kinds = {"r": "real", "d": "double precision", "j": "jsonb", "u": "uuid", "n": "integer"}
    columns = {
        "id": "integer", **kinds, "c": {"type": "text", "trim": False}, "h": "time", "s": "text",
        "changed": "timestamp",
    }  # fmt: skip
    job = a_job(columns=columns)
    run = rig.run(job)
    assert run.tally.inserted == 1, run.error

    verdict = verified(rig, job)

    assert (verdict.proof, verdict.rows) == (Proof.OK, 1)
    assert set(verdict.left_out) == {"r", "d", "j", "u", "c", "n", "h", "s"}


def test_keys_of_hostile_texts_are_told_apart(rig: Rig):
    keys = [text for text in TEXTS if text is not None and text == text.rstrip(" ")]
    rig.at_source("CREATE TABLE items (id text, name text, changed timestamp)")
    rig.at_target("CREATE TABLE items (id text PRIMARY KEY, name text, changed timestamp)")
    with psycopg.connect(rig.source) as connection, connection.cursor() as cursor:
        insert = "INSERT INTO items VALUES (%s, 'a', '2026-02-28 12:00')"
        cursor.executemany(insert, [(key,) for key in keys[:-1]])
    rig.run(a_job())
    verdict = verified(rig, a_job())

    assert (verdict.proof, verdict.rows) == (Proof.OK, len(keys) - 1)


@pytest.fixture
def sides(rig: Rig) -> Rig:
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, n numeric, changed timestamp)")
    return rig


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-1e20, max_value=1e20
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.none() | texts, st.none() | numbers), min_size=1, max_size=30),
    other=st.tuples(st.none() | texts, st.none() | numbers),
)
def test_the_two_statements_agree_exactly_if_the_rows_do(sides: Rig, rows, other):
    with sides.open_source(60) as source, sides.open_target() as target:
        job = a_job(
            columns={
                "id": "integer",
                "name": {"type": "text", "trim": False},
                "n": "numeric",
                "changed": "timestamp",
            }
        )
        original, copy = Original.of(source), Copy.of(job, target)
        likeness = Likeness.of(job, job.columns, original.forms("SELECT * FROM items"))

        def contents(conninfo: str, rows: list[Any]) -> None:
            with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
                cursor.execute("TRUNCATE items")
                insert = "INSERT INTO items VALUES (%s, %s, %s, '2026-02-28 12:00')"
                cursor.executemany(insert, [(at, *row) for at, row in enumerate(rows)])

        contents(sides.source, rows)
        contents(sides.target, rows)
        one = original.contents("SELECT * FROM items", likeness, [ALL])
        assert one == copy.contents(likeness, [ALL])
        assert isinstance(one[ALL], Content)
        contents(sides.target, [*rows[:-1], other])
        assert (one == copy.contents(likeness, [ALL])) is (rows[-1] == other)
