"""Random rows of all types: what arrives is what was there, and stays unchanged."""

import json
from datetime import date

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qupersync.domain.batch import Tally
from tests.pipeline.rig import Rig, a_snapshot

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5)
ENDLESS = st.sampled_from(["infinity", "-infinity"])


def before_christ(moment: date) -> str:
    # PostgreSQL's days begin in 4714 BC, and the leap years of that era are other ones.
    return f"{moment.replace(year=min(moment.year, 4000), day=min(moment.day, 28))} BC"


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
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
