"""The merge: true counts on every kind of table, and not one needless write."""

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.job import Job
from qupersync.domain.run import Status
from tests.pipeline.rig import Rig, a_job, a_snapshot

SOURCE = "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
ROWS = "INSERT INTO items SELECT i, 'n' || i, '2026-03-01 11:30' FROM generate_series({}) AS i"
TARGETS = {
    "plain": [SOURCE],
    "partitioned": [
        (
            "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
            " PARTITION BY RANGE (id)"
        ),
        "CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (50)",
        "CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (50) TO (1000)",
    ],
    "with more columns": [
        (
            "CREATE TABLE items (extra text DEFAULT 'kept', name text, id int PRIMARY KEY,"
            " changed timestamp, doubled int GENERATED ALWAYS AS (id * 2) STORED)"
        )
    ],
}
MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])


@MODES
@pytest.mark.parametrize("table", TARGETS.values(), ids=list(TARGETS))
def test_new_changed_and_unchanged_rows_are_told_apart(rig: Rig, job: Job, table: list[str]):
    rig.at_source(SOURCE, ROWS.format("1, 100"))
    rig.at_target(*table)

    first = rig.run(job)
    rig.at_source("UPDATE items SET name = 'new' WHERE id > 90", ROWS.format("101, 105"))
    second = rig.run(job)

    assert first.tally == Tally(extracted=100, inserted=100), first.error
    assert second.tally == Tally(extracted=105, inserted=5, updated=10, unchanged=90)
    assert rig.rows("SELECT id, name, changed FROM items ORDER BY id") == rig.source_rows(
        "SELECT id, name, changed FROM items ORDER BY id"
    )


@MODES
def test_unchanged_rows_are_neither_written_nor_locked(rig: Rig, job: Job):
    rig.at_both(SOURCE)
    rig.at_source(ROWS.format("1, 5000"))
    rig.run(job)
    versions = rig.rows("SELECT xmin, xmax, ctid FROM items ORDER BY id")

    run = rig.run(job)

    assert run.tally == Tally(extracted=5000, unchanged=5000)
    assert rig.rows("SELECT xmin, xmax, ctid FROM items ORDER BY id") == versions


@MODES
@pytest.mark.parametrize("event", ["INSERT", "UPDATE"])
def test_a_trigger_that_swallows_rows_fails_the_run(rig: Rig, job: Job, event: str):
    rig.at_both(SOURCE)
    rig.at_source(ROWS.format("1, 10"))
    if event == "UPDATE":
        rig.run(job)
        rig.at_source("UPDATE items SET name = 'new'")
    rig.at_target(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF new.id = 7 THEN RETURN NULL; END IF; RETURN new; END'",
        f"CREATE TRIGGER swallow BEFORE {event} ON items FOR EACH ROW EXECUTE FUNCTION swallow()",
    )
    before = rig.rows("SELECT * FROM items ORDER BY id")

    run = rig.run(job)

    assert (run.status, run.error_code) == (Status.FAILED, "row-accounting")
    assert rig.rows("SELECT * FROM items ORDER BY id") == before


def test_a_table_with_only_key_columns_is_loaded(rig: Rig):
    rig.at_both("CREATE TABLE pairs (a int, b int, PRIMARY KEY (b, a))")
    rig.at_source("INSERT INTO pairs VALUES (1, 2), (2, 1)")
    job = a_snapshot(sql="SELECT a, b FROM pairs", target="public.pairs", key=["a", "b"])

    first, second = rig.run(job), rig.run(job)

    assert (first.tally.inserted, second.tally.unchanged) == (2, 2)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("CREATE VIEW items AS SELECT 1 AS id, 'a'::text AS name", "is not a table"),
        ("CREATE TABLE other (id int)", "does not exist"),
        ("CREATE TABLE items (id int, name text)", "no unique index on exactly (id)"),
        ("CREATE TABLE items (id int, name text, UNIQUE (id, name))", "no unique index"),
        ("CREATE UNIQUE INDEX ON items (id) WHERE id > 0", "no unique index"),
    ],
)
def test_a_target_that_does_not_fit_is_found_before_anything_is_read(
    rig: Rig, statement: str, complaint: str
):
    if "INDEX" in statement:
        rig.at_target("CREATE TABLE items (id int, name text)")
    rig.at_target(statement)

    run = rig.run(a_snapshot(sql="SELECT 1/0"))

    assert (run.status, run.error_code) == (Status.FAILED, "target-mismatch")
    assert complaint in run.error


def test_a_view_as_the_target_is_no_reason_to_create_it(rig: Rig):
    rig.at_target("CREATE VIEW items AS SELECT 1 AS id, 'a'::text AS name")

    assert "create" not in rig.run(a_snapshot()).hint


@pytest.mark.parametrize(
    ("table", "index"), [("plain", "items_pkey"), ("partitioned", "items_1_pkey")]
)
def test_a_rival_who_inserts_the_same_key_meanwhile_costs_a_retry_and_no_row(
    rig: Rig, table: str, index: str
):
    rig.at_source(SOURCE, ROWS.format("1, 3"))
    rig.at_target(
        *TARGETS[table],
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION rival() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('public.tries') = 1 THEN RAISE EXCEPTION 'a rival was faster'"
        f" USING ERRCODE = '23505', CONSTRAINT = '{index}'; END IF; RETURN new; END $$",
        "CREATE TRIGGER rival BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION rival()",
    )

    run = rig.run(a_job())

    assert run.tally == Tally(extracted=3, inserted=3), run.error


@pytest.mark.parametrize(
    ("table", "path"), [("public.audit", ""), ("audit", "SET search_path TO public")]
)
def test_a_trigger_that_says_where_its_tables_are_finds_them(rig: Rig, table, path):
    rig.at_both(SOURCE)
    rig.at_source(ROWS.format("1, 3"))
    rig.at_target(
        "CREATE TABLE audit (id int)",
        f"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql {path} AS"
        f" 'BEGIN INSERT INTO {table} VALUES (new.id); RETURN new; END'",
        "CREATE TRIGGER note AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION note()",
    )

    rig.run(a_job())

    assert rig.rows("SELECT count(*) FROM audit") == [(3,)]
