"""Any name that PostgreSQL takes is just a name, and a job's SQL reaches the source as it is."""

import pytest
from psycopg.sql import Identifier

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from tests.pipeline.rig import Rig, a_job, a_snapshot

HOSTILE = [
    "select", "order", "user", "table", "place", "verdict", "row_number", "CTID", "s", "t", "r",
    "c0", "c1", "count", "judged", "low", ":high", "excluded", 'a"b', '""', "it's", "a;b", "a--b",
    "/*x", "100%", "%s", "%(low)s", "{stage}", "{}", "a\nb", "a.b", " ", "$1", "\\", "😀", "é",
    "n" * 63, "ü" * 31,
]  # fmt: skip
QUOTED = [Identifier(name).as_string() for name in HOSTILE]
COLUMNS = ", ".join(f"{name} text" for name in QUOTED)
MODES = pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])


@MODES
def test_columns_with_hostile_names_are_loaded_updated_and_deleted(rig: Rig, job):
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, changed timestamp, {COLUMNS})")
    values = ", ".join(f"'{number}'" for number in range(len(HOSTILE)))
    rig.at_source(f"INSERT INTO items VALUES (1, '2026-03-01 11:30', {values})")

    first = rig.run(job)
    rig.at_source(*(f"UPDATE items SET {name} = 'new'" for name in QUOTED))
    second = rig.run(job)

    assert first.tally == Tally(extracted=1, inserted=1), first.error
    assert second.tally == Tally(extracted=1, updated=1), second.error
    assert rig.rows("SELECT * FROM items") == rig.source_rows("SELECT * FROM items")


@MODES
def test_keys_with_hostile_names_tell_rows_apart(rig: Rig, job):
    names = HOSTILE[:32]  # an index takes no more
    key = ", ".join(QUOTED[:32])
    columns = ", ".join(f"{name} int" for name in QUOTED[:32])
    rig.at_both(f"CREATE TABLE items ({columns}, changed timestamp, PRIMARY KEY ({key}))")
    rig.at_source(
        *(
            f"INSERT INTO items VALUES ({', '.join(['7'] * 31)}, {last}, '2026-03-01 11:30')"
            for last in (1, 2)
        )
    )
    job = job.model_copy(update={"key": tuple(names)})

    assert rig.run(job).tally == Tally(extracted=2, inserted=2)
    assert rig.run(job).tally == Tally(extracted=2, unchanged=2)


@pytest.mark.parametrize(
    "name", ["select", 'a"b;--', "100%s", "a\nb{}", "😀" * 15, "n" * 63, "a.b"]
)
def test_tables_and_schemas_with_hostile_names_are_loaded(rig: Rig, name):
    table = Identifier(name, name).as_string()
    rig.at_both(
        f"CREATE SCHEMA {Identifier(name).as_string()}",
        f"CREATE TABLE {table} (id int PRIMARY KEY)",
    )
    rig.at_source(f"INSERT INTO {table} VALUES (1), (2)")
    job = a_snapshot(sql=f"SELECT * FROM {table}", target=table)
    rig.run(job)
    rig.at_source(f"DELETE FROM {table} WHERE id = 1")

    run = rig.run(job)

    assert run.tally == Tally(extracted=1, unchanged=1, deleted=1), run.error
    assert rig.rows(f"SELECT id FROM {table}") == [(2,)]


def test_a_hostile_name_is_read_under_another(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text)")
    rig.at_source(
        'ALTER TABLE items RENAME COLUMN name TO "100% ""sure"""',
        "INSERT INTO items VALUES (1, 'a')",
    )
    name = {"type": "text", "from": '100% "sure"'}

    assert rig.run(a_snapshot(columns={"id": "integer", "name": name})).tally.inserted == 1
    assert rig.rows("SELECT name FROM items") == [("a",)]


def test_a_rejected_row_keeps_its_hostile_names(rig: Rig):
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, {COLUMNS})")
    rig.at_target(f"ALTER TABLE items ADD CHECK ({QUOTED[0]} IS NULL)")
    rig.at_source(f"INSERT INTO items (id, {QUOTED[0]}) VALUES (1, 'x')")

    assert rig.run(a_snapshot()).tally == Tally(extracted=1, skipped=1)
    [(row,)] = rig.rows("SELECT row FROM quper.sync_rejects")
    assert row == dict.fromkeys(HOSTILE) | {"id": "1", HOSTILE[0]: "x"}


def test_hostile_characters_in_a_jobs_sql_reach_the_source(rig: Rig):
    text = """100% %s %% ::int :low :high -- /* */ ; "q" {x} $1 😀"""
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)")
    rig.at_source("INSERT INTO items VALUES (17, 'it''s', '2026-03-01 11:30')")
    job = a_job(
        sql=f"""
        SELECT id::bigint % 10 AS id, '{text}' AS name, /* :low ' */ changed -- :high "
          FROM items
         WHERE name LIKE 'i%''_' AND changed >= :low AND changed < :high -- it's the end"""
    )

    run = rig.run(job)

    assert run.tally == Tally(extracted=1, inserted=1), run.error
    assert rig.rows("SELECT id, name FROM items") == [(7, text)]


@MODES
def test_a_table_of_1600_columns_is_loaded_updated_and_found_unchanged(rig: Rig, job):
    columns = ", ".join(f"c{number} smallint" for number in range(1598))
    rig.at_both(f"CREATE TABLE items (id int PRIMARY KEY, changed timestamp, {columns})")
    rig.at_source(
        f"INSERT INTO items SELECT i, '2026-03-01 11:30' {', i' * 1598}"
        " FROM generate_series(1, 3) AS i"
    )

    first, second = rig.run(job), rig.run(job)
    rig.at_source("UPDATE items SET c1597 = 0 WHERE id = 2")
    third = rig.run(job)

    assert first.tally == Tally(extracted=3, inserted=3), first.error
    assert second.tally == Tally(extracted=3, unchanged=3)
    assert third.tally == Tally(extracted=3, updated=1, unchanged=2)


def test_a_bad_row_among_1600_columns_is_named_by_its_column(rig: Rig):
    columns = ", ".join(f"c{number} {{0}}" for number in range(1599))
    rig.at_source(f"CREATE TABLE items (id int PRIMARY KEY, {columns.format('text')})")
    rig.at_target(f"CREATE TABLE items (id int PRIMARY KEY, {columns.format('boolean')})")
    rig.at_source("INSERT INTO items (id, c1234) VALUES (1, 'yes'), (2, 'maybe')")

    assert rig.run(a_snapshot()).tally == Tally(extracted=2, inserted=1, skipped=1)
    assert rig.rows("SELECT column_name FROM quper.sync_rejects") == [("c1234",)]


@MODES
@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"id": "integer", "other": "text"}, "column 'other' is missing"),
        ({"id": "bigint"}, "column 'id' is integer, the job says bigint"),
        (
            {"id": "integer", "name": "varchar(5)"},
            "column 'name' is varchar(6), the job says varchar(5)",
        ),
        ({"id": "integer", "twice": "integer"}, "column 'twice' is generated by the table"),
        ({"id": "integer"}, "column 'must' is NOT NULL without a default, and the job has none"),
    ],
)
def test_a_column_that_does_not_fit_is_found_before_anything_is_read(
    rig: Rig, job, columns, complaint
):
    rig.at_target(
        "CREATE TABLE items (id int PRIMARY KEY, name varchar(6), must int NOT NULL,"
        " twice int GENERATED ALWAYS AS (id * 2) STORED, changed timestamp)"
    )
    fields = job.model_dump(exclude_unset=True) | {"columns": columns | {"changed": "timestamp"}}

    run = rig.run(job.model_validate(fields))  # the source has no table at all

    assert (run.status, run.error_code) == (Status.FAILED, "target-mismatch")
    assert complaint in run.error


@MODES
@pytest.mark.parametrize(
    ("columns", "code", "complaint"),
    [
        ({"id": "integer", "must": {"type": "integer", "from": "gone"}}, "column-missing", "gone"),
        ({}, "column-missing", "must"),
    ],
)
def test_a_column_that_the_query_lacks_fails_the_run(rig: Rig, job, columns, code, complaint):
    rig.at_source("CREATE TABLE items (id int, changed timestamp)")
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, must int NOT NULL, changed timestamp)")
    columns |= {"changed": "timestamp"} if columns else {}

    run = rig.run(job.model_validate(job.model_dump(exclude_unset=True) | {"columns": columns}))

    assert (run.status, run.error_code) == (Status.FAILED, code)
    assert run.error == f"the query does not return: {complaint}"


def test_a_column_that_the_query_returns_twice_fails_the_run(rig: Rig):
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY)")

    run = rig.run(a_snapshot(sql="SELECT 1 AS id, 2 AS id"))

    assert (run.error_code, run.error) == ("query-failed", "the query returns more than once: id")


def test_a_column_that_the_target_lacks_fails_a_run_without_a_column_list(rig: Rig):
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY)")

    run = rig.run(a_snapshot(sql="SELECT 1 AS id, 2 AS extra"))

    assert (run.error_code, run.error) == ("target-mismatch", "public.items has no column extra")


@MODES
def test_columns_that_only_the_target_has_keep_their_values(rig: Rig, job):
    rig.at_source("CREATE TABLE items (id int, name text, changed timestamp)")
    rig.at_target(
        "CREATE TABLE items (note bytea, seen int NOT NULL DEFAULT 7, changed timestamp,"
        " serial int GENERATED ALWAYS AS IDENTITY, name text, id int PRIMARY KEY)"
    )
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    rig.run(job)
    rig.at_target("UPDATE items SET note = 'kept', seen = 8")
    rig.at_source("UPDATE items SET name = 'b'")

    run = rig.run(job)

    assert run.tally == Tally(extracted=1, updated=1), run.error
    assert rig.rows("SELECT name, note, seen, serial FROM items") == [("b", b"kept", 8, 1)]
