"""What doctor finds at Redshift; where it names a statement, that statement is the cure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from qupersync.demo.certificates import make_certificates
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import build_warehouse
from tests.cli.checkup import check, line, states
from tests.cli.shell import JOBS, Shell, World, variables

REPOSITORY = Path(__file__).parents[2]


def test_a_wrong_password_is_found_and_what_hangs_on_it_is_not_called_ok(world: World):
    code, lines = check(world.shell, REDSHIFT_PASSWORD="wrong")

    assert code == 1
    assert lines["Redshift login"]["state"] == "fail"
    assert "password authentication failed" in lines["Redshift login"]["found"]
    assert "REDSHIFT_PASSWORD" in lines["Redshift login"]["remedy"]
    assert states(lines)["views"] == "warn"
    assert "view items" not in lines
    assert states(lines)["target of items"] == "ok"


def test_a_closed_port_is_told_from_a_wrong_password(world: World):
    code, lines = check(world.shell, REDSHIFT_PORT="1")

    assert code == 1
    assert (states(lines)["Redshift name"], states(lines)["Redshift port"]) == ("ok", "fail")
    assert "REDSHIFT_PORT" in lines["Redshift port"]["remedy"]
    assert states(lines)["Redshift login, views"] == "warn"
    assert "Redshift login" not in lines


def test_a_name_without_an_address_is_told_from_a_closed_port(world: World):
    name = line(world.shell, "Redshift name", REDSHIFT_HOST="no name")

    assert name["state"] == "fail"
    assert "REDSHIFT_HOST" in name["remedy"]


def test_a_variable_that_is_not_set_is_named(world: World):
    login = line(world.shell, "Redshift login", REDSHIFT_USER="")

    assert login["state"] == "fail"
    assert "REDSHIFT_USER" in login["found"]


@pytest.mark.parametrize(
    ("name", "state", "found"),
    [("127.0.0.1", "ok", "valid until 3000"), ("elsewhere.example", "fail", "not valid for")],
)
def test_the_certificate_is_looked_at(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    state: str,
    found: str,
):
    world.stand_in.tls = make_certificates(tmp_path, names=(name,))
    monkeypatch.setenv("SSL_CERT_FILE", str(world.stand_in.tls.ca_file))

    certificate = line(world.shell, "Redshift certificate", REDSHIFT_SSLMODE="verify-full")

    assert certificate["state"] == state
    assert found in certificate["found"]


def test_a_server_without_tls_is_found(world: World):
    certificate = line(world.shell, "Redshift certificate", REDSHIFT_SSLMODE="verify-ca")

    assert certificate["state"] == "fail"
    assert "speaks no TLS" in certificate["found"]


def test_weak_tls_towards_another_machine_is_a_warning(shell: Shell):
    found = line(shell, "REDSHIFT_SSLMODE", REDSHIFT_HOST="no name", REDSHIFT_SSLMODE="disable")

    assert (found["state"], found["remedy"]) == ("warn", "set REDSHIFT_SSLMODE=verify-full")


def test_a_flavor_that_the_server_has_not_is_a_warning(world: World):
    flavor = line(world.shell, "Redshift flavor", REDSHIFT_FLAVOR="provisioned")

    assert (flavor["state"], flavor["remedy"]) == ("warn", "set REDSHIFT_FLAVOR=auto")


def test_a_view_that_is_not_there_names_the_job_that_reads_it(world: World):
    world.at_source("ALTER TABLE items RENAME TO others")

    view = line(world.shell, "view items")

    assert view["state"] == "fail"
    assert "stops items, broken" in view["found"]


@pytest.fixture
def limited(
    server: PostgresAddress, shell: Shell, empty_database: str, target: str
) -> Iterator[World]:
    """The built-in jobs on a provisioned cluster, read by a user without any rights of its own."""
    reader = f"reader {conninfo_to_dict(empty_database)['dbname']}"
    with psycopg.connect(empty_database) as builder:
        now = builder.execute("SELECT clock_timestamp()").fetchone()
        assert now is not None
        assert isinstance(now[0], datetime)
        build_warehouse(builder, flavor="provisioned", rows=40, now=now[0])
        builder.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(reader)))
    shell.write_jobs((REPOSITORY / "jobs.yaml").read_text())
    with StandIn(upstream=replace(server, user=reader)) as stand_in:
        shell.variables = variables(stand_in, empty_database, target)
        yield World(shell=shell, source=empty_database, target=target, stand_in=stand_in)
    with psycopg.connect(empty_database) as connection:
        drop = SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(Identifier(reader))
        connection.execute(drop)


def test_a_view_that_asks_for_a_grant_comes_with_the_statement(limited: World):
    before, lines = check(limited.shell)
    refused = [found for found in lines.values() if found["state"] == "fail"]

    limited.at_source(*(found["remedy"] for found in refused))

    assert before == 1
    assert {found["check"] for found in refused} == {
        "view stl_vacuum",
        "view stv_node_storage_capacity",
        "view svv_table_info",
        "view sys_connection_log",
    }
    assert refused[0]["remedy"].startswith("GRANT SELECT ON ")
    code, lines = check(limited.shell)
    assert code == 0
    assert {lines[found["check"]]["state"] for found in refused} == {"ok"}


def test_a_table_in_a_schema_of_its_own_comes_with_the_statements_for_both(limited: World):
    limited.shell.write_jobs(JOBS.replace("FROM items", "FROM shop.orders"))

    limited.at_source(*line(limited.shell, "view shop.orders")["remedy"].split("; "))

    assert line(limited.shell, "view shop.orders")["state"] == "ok"


def test_a_view_that_hides_the_rows_of_others_comes_with_the_statement(limited: World):
    view = line(limited.shell, "view sys_query_history")
    run = limited.shell.type("run", "query_history")
    read_before = limited.rows("SELECT count(*) FROM quper.query_history")

    limited.at_source("INSERT INTO standin.syslog_access SELECT rolname FROM pg_roles")

    assert view["state"] == "warn"
    assert view["remedy"].startswith('ALTER USER "reader ')
    assert view["remedy"].endswith('" SYSLOG ACCESS UNRESTRICTED;')
    assert (run.code, read_before) == (0, [(0,)])
    assert line(limited.shell, "view sys_query_history")["state"] == "ok"
    assert limited.shell.type("run", "query_history").code == 0
    assert limited.rows("SELECT count(*) > 0 FROM quper.query_history") == [(True,)]


def test_where_redshift_does_not_tell_who_sees_what_that_is_a_warning(world: World):
    world.at_source("ALTER TABLE items RENAME TO sys_items")
    world.shell.write_jobs(JOBS.replace("FROM items", "FROM SYS_ITEMS"))

    view = line(world.shell, "view sys_items")

    assert view["state"] == "warn"
    assert view["found"].startswith("may show only the rows of ")


def test_sql_that_cannot_be_parsed_leaves_its_views_unchecked(world: World):
    sql = "SELECT id, name FROM items WITHIN FOR EACH (1)"
    world.shell.write_jobs(JOBS.replace("SELECT id, name FROM items", sql))

    views = line(world.shell, "views of items")

    assert (views["state"], "not checked" in views["found"]) == ("warn", True)
