"""The SQL of the eight built-in jobs: its rows, its grain and its table, on both flavors."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from tests.standin.warehouses import (
    JOBS,
    REPOSITORY,
    a_database,
    a_warehouse,
    by_key,
    everything,
    in_utc,
)

RUNS = [
    (flavor, name)
    for flavor in ("provisioned", "serverless")
    for name in JOBS
    if (flavor, name) != ("serverless", "node_details")
]


@pytest.fixture(scope="module")
def warehouses(server) -> Iterator[dict[str, psycopg.Connection]]:
    with a_warehouse(server, "provisioned") as one, a_warehouse(server, "serverless") as other:
        yield {"provisioned": one, "serverless": other}


@pytest.fixture(scope="module")
def targets(server) -> Iterator[psycopg.Connection]:
    with a_database(server) as conninfo, psycopg.connect(conninfo) as connection:
        connection.execute("CREATE SCHEMA quper")
        connection.execute((REPOSITORY / "migrations/sql/0002_targets.sql").read_bytes())
        connection.execute("SET timezone = 'UTC'")
        connection.commit()
        yield connection


@pytest.mark.parametrize(("flavor", "name"), RUNS)
def test_the_rows_fit_the_table_of_the_job_without_loss(warehouses, targets, flavor, name):
    rows = [
        tuple(in_utc(row[column]) for column in JOBS[name].columns)
        for row in everything(warehouses[flavor], flavor, name)
    ]
    table = sql.Identifier("quper", name)
    names = sql.SQL(", ").join(map(sql.Identifier, JOBS[name].columns))
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table, names, sql.SQL(", ").join([sql.Placeholder()] * len(JOBS[name].columns))
    )

    with targets.transaction(force_rollback=True), targets.cursor() as cursor:
        cursor.executemany(insert, rows)
        stored = cursor.execute(sql.SQL("SELECT {} FROM {}").format(names, table)).fetchall()

    assert rows
    assert sorted(map(str, map(plain, stored))) == sorted(map(str, map(plain, rows)))


def plain(row):
    return [value.normalize() if isinstance(value, Decimal) else value for value in row]


@pytest.mark.parametrize(("flavor", "name"), RUNS)
def test_no_blank_of_the_padding_comes_through(warehouses, flavor, name):
    padded = [
        (column, value)
        for row in everything(warehouses[flavor], flavor, name)
        for column, value in row.items()
        if isinstance(value, str) and value.endswith(" ")
    ]

    assert padded == []


TYPES = b"""
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum
"""
SPELLED = {"timestamp with time zone": "timestamptz", "character varying(32)": "varchar(32)"}
PRIMARY_KEY = b"""
SELECT array_agg(attname::text ORDER BY ordinality)
FROM pg_index, unnest(indkey) WITH ORDINALITY AS part (number, ordinality), pg_attribute
WHERE indrelid = %s::regclass AND indisprimary AND attrelid = indrelid AND attnum = number
"""


@pytest.mark.parametrize("name", JOBS)
def test_the_migration_makes_the_columns_and_the_key_that_the_job_declares(targets, name):
    types = targets.execute(TYPES, (f"quper.{name}",)).fetchall()
    key = targets.execute(PRIMARY_KEY, (f"quper.{name}",)).fetchone()

    declared = [(column, str(spec.type)) for column, spec in JOBS[name].columns.items()]
    assert [(column, SPELLED.get(kind, kind)) for column, kind in types] == declared
    assert key == (list(JOBS[name].key),)


def test_every_table_and_column_is_commented(targets):
    bare = targets.execute(
        "SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE relnamespace = 'quper'::regnamespace AND relkind = 'r' AND attnum > 0"
        " AND (col_description(attrelid, attnum) IS NULL OR obj_description(attrelid) IS NULL)"
    ).fetchall()

    assert bare == []


def test_a_job_on_nodes_has_no_sql_for_serverless():
    assert JOBS["node_details"].sql_for("serverless") is None  # type: ignore[arg-type]


def test_a_truncated_table_stays_with_zero_rows(warehouses):
    warehouse = warehouses["provisioned"]
    with warehouse.transaction(force_rollback=True):
        warehouse.execute("TRUNCATE shop.page_views")
        stats = by_key(JOBS["table_stats"], everything(warehouse, "provisioned", "table_stats"))

    row = stats[warehouse.info.dbname, "shop", "page_views"]
    assert (row["total_rows"], row["visible_rows"], row["size_mb"]) == (0, 0, 0)


def test_a_column_of_an_external_table_has_no_marks(warehouses):
    rows = everything(warehouses["serverless"], "serverless", "column_stats")

    marks = {
        (row["column_name"], row["is_distkey"]) for row in rows if row["table_schema"] == "lake"
    }
    assert marks == {("clicked_at", None), ("payload", None)}


def test_system_tables_are_not_among_the_users_tables(warehouses):
    schemas = {
        row["table_schema"]
        for row in everything(warehouses["provisioned"], "provisioned", "column_stats")
    }

    assert schemas == {"shop", "archive", "lake"}


def test_a_reused_query_id_overwrites_no_other_query(warehouses):
    rows = everything(warehouses["provisioned"], "provisioned", "query_history")

    assert len({row["query_id"] for row in rows}) < len(rows)
    assert len(by_key(JOBS["query_history"], rows)) == len(rows)


def test_the_queries_of_redshift_itself_are_left_out(warehouses):
    rows = everything(warehouses["provisioned"], "provisioned", "query_history")

    assert min(row["user_id"] for row in rows) > 1
