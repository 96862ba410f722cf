"""The stand-in warehouse looks like Redshift: its columns, its padding, its gaps, its clock."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.warehouse import build_warehouse
from tests.standin.warehouses import NOW, a_warehouse, comparable, everything

BOTH = pytest.mark.parametrize("flavor", ["provisioned", "serverless"])


@pytest.fixture(scope="module")
def warehouse(server: PostgresAddress) -> Iterator[psycopg.Connection]:
    with a_warehouse(server, "provisioned") as connection:
        yield connection


@pytest.fixture(scope="module")
def serverless(server: PostgresAddress) -> Iterator[psycopg.Connection]:
    with a_warehouse(server, "serverless") as connection:
        yield connection


def value(connection: psycopg.Connection, query: bytes):
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


COLUMNS = {
    "stl_vacuum": "userid integer, xid bigint, table_id integer, status character(30), rows bigint,"
    " sortedrows integer, blocks integer, max_merge_partitions integer,"
    " eventtime timestamp without time zone, reclaimable_rows bigint, reclaimable_space_mb bigint,"
    " cutoff_xid bigint, is_recluster integer",
    "stl_alert_event_log": "userid integer, query integer, slice integer, segment integer,"
    " step integer, pid integer, xid bigint, event character(1024), solution character(1024),"
    " event_time timestamp without time zone",
    "stv_node_storage_capacity": "node integer, used integer, capacity integer",
    "svv_table_info": "database text, schema text, table_id oid, table text, encoded text,"
    " diststyle text, sortkey1 text, max_varchar integer, sortkey1_enc character(32),"
    " sortkey_num integer, size bigint, pct_used numeric(10,4), empty bigint,"
    " unsorted numeric(5,2), stats_off numeric(5,2), tbl_rows numeric(38,0),"
    " skew_sortkey1 numeric(19,2), skew_rows numeric(19,2), estimated_visible_rows numeric(38,0),"
    " risk_event text, vacuum_sort_benefit numeric(12,2), create_time timestamp without time zone",
}
SHAPE = b"""
SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
FROM pg_catalog.pg_attribute WHERE attrelid = %s::regclass
"""


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_has_the_columns_and_types_that_aws_documents(warehouse, view):
    assert warehouse.execute(SHAPE, (f"rs.{view}",)).fetchone() == (COLUMNS[view],)


def test_the_queries_are_those_of_a_week(warehouse):
    row = warehouse.execute(
        "SELECT count(*), min(start_time) BETWEEN %s::timestamp - interval '7 days'"
        " AND %s::timestamp - interval '6 days 23 hours' FROM sys_query_history",
        (NOW.replace(tzinfo=None),) * 2,
    ).fetchone()

    assert row == (2000, True)


NEWEST = b"""
SELECT 'query', max(greatest(start_time, end_time)) FROM sys_query_history
UNION ALL SELECT 'detail', max(greatest(start_time, end_time)) FROM sys_query_detail
UNION ALL SELECT 'vacuum', max(greatest(start_time, end_time, record_time)) FROM sys_vacuum_history
UNION ALL SELECT 'connection', max(record_time) FROM sys_connection_log
UNION ALL SELECT 'transaction', max(txn_start) FROM svv_transactions
UNION ALL SELECT 'STL query', max(greatest(starttime, endtime)) FROM stl_query
UNION ALL SELECT 'STL scan', max(greatest(starttime, endtime)) FROM stl_scan
UNION ALL SELECT 'STL alert', max(event_time) FROM stl_alert_event_log
UNION ALL SELECT 'STL vacuum', max(eventtime) FROM stl_vacuum
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_logged_in_the_last_five_minutes(server, seed):
    with a_warehouse(server, "provisioned", rows=20_000, seed=seed) as connection:
        newest = connection.execute(NEWEST).fetchall()

    end = (NOW - timedelta(minutes=5)).replace(tzinfo=None)
    assert [(log, moment) for log, moment in newest if moment is None or moment > end] == []


def test_the_clock_of_the_warehouse_runs_on_from_now(warehouse):
    first, second = (value(warehouse, b"SELECT getdate()") for _ in "12")

    assert NOW.replace(tzinfo=None) < first <= second


def test_character_columns_are_padded_with_blanks(warehouse):
    raw = warehouse.execute("SELECT status FROM sys_query_history LIMIT 1").fetchone()[0]

    assert len(raw) == 10
    assert raw.endswith("  ")


@pytest.mark.parametrize("piece", ["O''Brien", "100%", ";", "--", "\n", "📊", "株式会社", ":low"])
def test_query_texts_hold_what_breaks_careless_tools(warehouse, piece):
    found = warehouse.execute(
        "SELECT count(*) > 0 FROM sys_query_history WHERE strpos(query_text, %s) > 0", (piece,)
    ).fetchone()

    assert found == (True,)


def test_a_long_query_text_is_cut_at_4000_characters(warehouse):
    assert value(warehouse, b"SELECT max(length(query_text)) FROM sys_query_history") == 4000


def test_query_ids_are_used_again_and_transactions_are_not(warehouse):
    row = warehouse.execute(
        "SELECT count(DISTINCT query_id) < count(*),"
        " count(DISTINCT (transaction_id, query_id)) = count(*) FROM sys_query_history"
    ).fetchone()

    assert row == (True, True)


def test_some_queries_run_or_wait_and_a_vacuum_has_not_finished(warehouse):
    states = warehouse.execute("SELECT DISTINCT rtrim(status) FROM sys_query_history").fetchall()

    assert {state for (state,) in states} == {"queued", "running", "failed", "canceled", "success"}
    assert value(warehouse, b"SELECT count(*) FROM sys_vacuum_history WHERE end_time IS NULL") == 1


def test_the_step_level_is_one_of_four(warehouse):
    levels = warehouse.execute("SELECT DISTINCT rtrim(metrics_level) FROM sys_query_detail")

    assert {level for (level,) in levels} == {"child query", "stream", "segment", "step"}


def test_table_info_leaves_out_a_table_without_rows(warehouse):
    tables = warehouse.execute('SELECT "table" FROM svv_table_info WHERE schema = %s', ("shop",))

    assert {name for (name,) in tables} == {"customers", "orders", "page_views", "order"}


def test_pg_attribute_carries_the_columns_that_only_redshift_has(warehouse):
    row = warehouse.execute(
        "SELECT attisdistkey, attsortkeyord, attencodingtype FROM pg_attribute"
        " WHERE attrelid = 'shop.customers'::regclass AND attname = 'id'"
    ).fetchone()

    assert row == (True, 1, 0)


def test_serverless_has_no_stl_or_stv_view(serverless):
    names = serverless.execute(
        "SELECT viewname FROM pg_catalog.pg_views WHERE schemaname = 'rs'"
    ).fetchall()

    assert ("sys_query_history",) in names
    assert not [name for (name,) in names if name.startswith(("stl_", "stv_"))]


@BOTH
@pytest.mark.parametrize("job", ["query_history", "applications", "vacuum_history"])
def test_one_seed_makes_one_week_whatever_the_flavor(server, warehouse, job, flavor):
    with a_warehouse(server, flavor) as again:
        theirs, ours = (
            comparable(one, everything(one, "serverless", job)) for one in (again, warehouse)
        )

    assert theirs == ours


def test_another_seed_makes_another_week(server, warehouse):
    with a_warehouse(server, "serverless", seed=2) as other:
        theirs, ours = (
            comparable(one, everything(one, "serverless", "query_history"))
            for one in (other, warehouse)
        )

    assert not set(theirs) & set(ours)


def test_a_second_warehouse_in_one_database_is_refused(warehouse):
    with pytest.raises(psycopg.errors.DuplicateSchema), warehouse.transaction():
        build_warehouse(warehouse, flavor="serverless", rows=20, now=NOW)
