"""Jobs, and rows for two runs of each, as hypothesis draws them: hostile ones too."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from qupersync.domain.columns import ColumnSpec, ColumnType
from qupersync.domain.job import Job
from qupersync.domain.load_path import _TAKES
from qupersync.domain.row_check import RowCheck
from qupersync.domain.watermark import Window
from qupersync.infrastructure.redshift.fetching import batch_of
from qupersync.infrastructure.redshift.layout import _ENCODINGS, Layout
from tests.datarow import body
from tests.pipeline.replay import Field, Replay
from tests.pipeline.rig import JOB, NOON, SNAPSHOT

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
    16: [b"\1", b"\0", b""],  # of another byte COPY makes 1, and so would a reject of its rows
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
# What PostgreSQL would make something of, and the row check does not.
TRICKY = {
    1043: [
        b"now", b"today", b"allballs", b"0x1F", b"1_000", b"1e3", b"1.234", b"12:00:00+02",
        b"2026-01-02 03:04:05.1234567", b"long text",
    ],
    1700: [b"1e5", b"0x10", b"1_0", b"NaN", b"1.234"],
}  # fmt: skip
# Of each type of a key column: where its values come from, and a few, so that keys come again.
KEYS: Mapping[str, tuple[int, list[bytes]]] = {
    "integer": (23, packed("!i", 1, 2, 3)),
    "text": (1043, [b"a", b"a ", b"b", b"A", b""]),
    "numeric": (1700, [b"1", b"1.0", b"2", b"-0"]),
    "double precision": (701, packed("!d", 1.5, 0.0, -0.0, float("nan"))),
    "date": (1043, [b"2026-01-02", b"2026-01-02 00:00:00", b"2026-01-03", b"infinity"]),
}
TIMES = [
    "2026-03-01 11:30:00", "2026-03-01 11:45:00", "2026-03-01 10:30:00", "2026-02-26 00:00:00",
    "2026-03-02 00:00:00",
]  # fmt: skip
_PASSED = [datetime.fromisoformat(text) - datetime(2000, 1, 1) for text in TIMES]  # noqa: DTZ001
_MARKS = packed("!q", *(passed // timedelta(microseconds=1) for passed in _PASSED), 2**63 - 1)
_DAYS = {"initial": "7d", "overlap": "1d", "chunk": "30d", "lag": "0s"}
_HOURS = _DAYS | {"overlap": "1h"}
# The same of watermarks, with what goes into the job.
MARKS: Sequence[tuple[str, int, list[bytes], dict[str, Any]]] = [
    *((kind, oid, _MARKS, _HOURS) for kind in ("timestamp", "timestamptz") for oid in (1114, 1184)),
    ("timestamp", 1043, [*(text.encode() for text in TIMES), b"infinity"], _HOURS),
    ("date", 1082, [*(text[:10].encode() for text in TIMES), b"-infinity"], _DAYS),
    ("bigint", 20, packed("!q", 1, 2, 3, 7), {"initial": 2, "overlap": 2}),
]
# Texts of types whose values only PostgreSQL can judge.
GOOD = {
    "boolean": ["true", "yes", "f", "0"], "jsonb": ["{}", '{"b": 1,  "a": [1.0]}', "7", "true"],
    "uuid": ["b8b5bb66-34c1-4d5e-8e6c-3a0c2a7c1111"],
}  # fmt: skip
DEFAULTS = {
    "boolean": True, "jsonb": "{}", "date": "2026-01-02", "time": "03:04", "text": "x",
    "timestamp": "2026-01-02", "timestamptz": "2026-01-02", "varchar(3)": "",
    "uuid": "b8b5bb66-34c1-4d5e-8e6c-3a0c2a7c1111",
}  # fmt: skip
NULLS = ["", "-", "0", "7", "true", "1.50", "a", "2026-01-02"]
CONSTRAINTS = [
    *4 * [""], 'CHECK (length("{}"::text) < 3)', 'CHECK ("{}" IS NOT NULL)', 'UNIQUE ("{}")',
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A column of the target, the source's type, and the values that it has there."""

    name: str
    spec: dict[str, Any]
    oid: int
    values: Sequence[Field]

    @property
    def source(self) -> str:
        return str(self.spec.get("from", self.name))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A job, the statement that makes its table, what two runs find; how the second is asked."""

    job: Job
    table: str
    found: Sequence[Replay]
    again: dict[str, Any]


@cache
def suiting(kind: str, oid: int) -> list[bytes]:
    """Values of the source that the row check lets into a column of this type."""
    taken = [text.encode() for text in GOOD[kind]] if oid == 1043 and kind in GOOD else FIELDS[oid]
    layout = Layout.of([kind], [oid], [-1])
    check = RowCheck.compile({kind: ColumnSpec(type=ColumnType.parse(kind))}, [kind], [kind])
    rows = check(batch_of(layout, [body([value]) for value in taken]))
    refused = {reject.payload for reject in rows.rejects}
    return [value for value in taken if body([value]) not in refused] or FIELDS[oid]


def rules(kind: str, oid: int) -> st.SearchStrategy[dict[str, Any]]:
    """Rules for a column; mostly those that its bytes need no row check for."""
    defaults = st.sampled_from([*20 * [DEFAULTS.get(kind, 7)], 1.5, "long text"])
    possible = [st.just({"trim": False}), st.just({"required": True})]
    possible.append(st.builds(lambda value: {"default": value}, defaults))
    if oid not in {700, 701, 1700}:
        nulls = st.lists(st.sampled_from(NULLS), min_size=1, max_size=3)
        possible.append(st.builds(lambda texts: {"null_if": texts}, nulls))
    one = st.one_of(st.just({}), *possible)
    return st.builds(lambda first, second: first | second, one, one)


@st.composite
def column(draw: st.DrawFn, name: str, kind: str, oid: int, pool: list[bytes]) -> Drawn:
    """A column with rules; few different values, so that often all of them suit it."""
    spec = {"type": kind} | draw(rules(kind, oid))
    if draw(st.booleans()):
        spec["from"] = f"of {name}"
    values: list[Field] = [*draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))]
    hostile = FIELDS[1043 if oid == 1082 else oid]
    bad = draw(st.sampled_from([hostile, TRICKY.get(oid, hostile)]))
    touched = [None] if {"default", "required"} & {*spec} else [values[0]]
    touched += [text.encode() for text in spec.get("null_if", ()) if oid == 1043]
    values += draw(
        st.sampled_from([*6 * [[]], *5 * [touched], [None], *3 * [[draw(st.sampled_from(bad))]]])
    )
    return Drawn(name=name, spec=spec, oid=oid, values=values)


@st.composite
def plain(draw: st.DrawFn, name: str) -> Drawn:
    """A column outside the key; mostly of a type that its bytes need no check for."""
    oid = draw(st.sampled_from([*FIELDS, *4 * [1043]]))
    taken = _TAKES.get(_ENCODINGS.get(oid, "text"), TYPES)
    kinds = [kind for kind in TYPES if kind.partition("(")[0] in taken]
    kind = draw(st.sampled_from(TYPES if draw(st.integers(0, 19)) == 19 else kinds))
    return draw(column(name, kind, oid, suiting(kind, oid)))


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[dict[str, Any], list[Drawn]]:
    """What makes a job a snapshot; it has no watermark."""
    return SNAPSHOT | {"delete_missing": draw(st.booleans()), "max_delete": "100%"}, []


@st.composite
def incremental(draw: st.DrawFn, others: list[Drawn]) -> tuple[dict[str, Any], list[Drawn]]:
    """What makes a job incremental, and its watermark's column."""
    kind, oid, pool, spec = draw(st.sampled_from(MARKS))
    spec = spec | {"column": "at"}
    if kind == "bigint":
        sql = "SELECT * FROM items WHERE at >= :low"
        return JOB | {"watermark": spec, "sql": sql}, [draw(column("at", kind, oid, pool))]
    if draw(st.booleans()):
        values = draw(st.lists(st.sampled_from(["", "a", "7", "true", "0"]), min_size=1))
        status = draw(st.sampled_from(others)).name
        spec |= {"settled": {"column": status, "values": values}, "max_hold": "1h"}
    return JOB | {"watermark": spec}, [draw(column("at", kind, oid, pool))]


@st.composite
def tables(draw: st.DrawFn, job: Job) -> str:
    """The statement that makes the job's table, with what refuses some rows in the merge."""
    names = [f'"{name}" {spec.type}' for name, spec in job.columns.items()]
    constraint = draw(st.sampled_from(CONSTRAINTS)).format(draw(st.sampled_from([*job.columns])))
    parts = [*names, f"PRIMARY KEY ({', '.join(job.key)})", *filter(None, [constraint])]
    return f"CREATE TABLE items ({', '.join(parts)})"


@st.composite
def found(draw: st.DrawFn, drawn: Sequence[Drawn]) -> Sequence[Replay]:
    """What two runs find: the columns in another order, perhaps with one that nobody wants."""
    sources = {column.source: column for column in drawn}
    if draw(st.booleans()):
        sources["unused"] = draw(plain("unused"))
    names = draw(st.permutations(sorted(sources)))
    row = st.tuples(*(st.sampled_from(sources[name].values) for name in names))
    first = draw(st.lists(row, min_size=1, max_size=8))
    second = draw(st.one_of(st.just(first), st.lists(row, max_size=8)))
    oids = {name: sources[name].oid for name in names}
    return [Replay(oids=oids, rows=rows) for rows in (first, second)]


def asked(job: Job) -> st.SearchStrategy[dict[str, Any]]:
    """How the second run is asked: for what is due, or for the past."""
    kind = str(job.columns["at"].type) if job.watermark else ""
    past: list[dict[str, Any]] = [{}, {"from_initial": True}] if kind else [{}]
    if kind.startswith("timestamp"):
        past.append({"window": Window(NOON - timedelta(days=2), NOON), "is_whole": True})
    return st.sampled_from(past)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A snapshot or an incremental job: keys, renames, rules, constraints, and rows to load."""
    kinds = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3))
    others = [draw(column(f"k{at}", kind, *KEYS[kind])) for at, kind in enumerate(kinds)]
    key = [column.name for column in others]
    others += [draw(plain(f"v{at}")) for at in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):  # two columns of one value
        one = draw(st.sampled_from(others))
        twin = draw(column("twin", one.spec["type"], one.oid, FIELDS[one.oid]))
        spec = twin.spec | {"from": one.source}
        others.append(replace(twin, spec=spec, values=one.values))
    fields, marks = draw(st.one_of(incremental(others), snapshots()))
    key += [mark.name for mark in marks if draw(st.booleans())]
    drawn = draw(st.permutations([*others, *marks]))
    fields |= {"key": key, "columns": {column.name: column.spec for column in drawn}}
    fields |= {"max_rejects": "100%", "batch_size": draw(st.sampled_from([2, 3, 100]))}
    job = Job.model_validate(fields)
    return Case(job=job, table=draw(tables(job)), found=draw(found(drawn)), again=draw(asked(job)))
