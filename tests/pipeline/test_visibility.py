"""Rows that a login may not see any more are not rows that are gone."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.domain.batch import Tally
from qupersync.domain.job import Job
from qupersync.domain.run import Status
from tests.pipeline.rig import SOURCE_SCHEMA, Rig, a_snapshot

VISIBLE = """
SELECT n.nspname AS owner, c.relname AS name FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname LIKE 'shop%' AND has_schema_privilege(n.nspname, 'USAGE')
"""
SEEN = "SELECT details -> 'visibility' FROM quper.qupersync_state"


def a_mirror(**fields: object) -> Job:
    """A snapshot of the tables that the login sees, keyed by schema and table."""
    usual = {"sql": VISIBLE, "key": ["owner", "name"]}
    return a_snapshot(**(usual | fields))


@pytest.fixture
def login(server: PostgresAddress) -> Iterator[str]:
    """A user of the source with no right but those that everybody has."""
    name = f"reader_{uuid4().hex[:12]}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE USER {name}".encode())
        yield name
        admin.execute(f"DROP USER {name}".encode())


@pytest.fixture
def mirrored(
    server: PostgresAddress, empty_database: str, target: str, login: str
) -> Iterator[Rig]:
    """Three schemas with two tables each, all of them seen and mirrored."""
    with StandIn(upstream=replace(server, user=login)) as stand_in:
        rig = Rig(source=empty_database, target=target, stand_in=stand_in)
        rig.at_source(SOURCE_SCHEMA)
        for schema in ("shop_a", "shop_b", "shop_c"):
            rig.at_source(
                f"CREATE SCHEMA {schema}",
                f"CREATE TABLE {schema}.orders ()",
                f"CREATE TABLE {schema}.items ()",
                f"GRANT USAGE ON SCHEMA {schema} TO {login}",
            )
        rig.at_target("CREATE TABLE items (owner text, name text, PRIMARY KEY (owner, name))")
        assert rig.run(a_mirror()).tally.inserted == 6
        yield rig
        for schema in ("shop_a", "shop_b", "shop_c", "shop_d"):
            rig.at_source(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def close(rig: Rig, login: str) -> None:
    """Take a right from the login: it sees four tables of two schemas, no longer six of three."""
    rig.at_source(f"REVOKE USAGE ON SCHEMA shop_c FROM {login}")


def test_a_snapshot_remembers_with_which_rights_it_saw_how_much(mirrored: Rig, login: str):
    rights = f"user {login}, closed schemas: 0"

    assert mirrored.rows(SEEN) == [({"rights": rights, "rows": 6, "owners": 3},)]


def test_rows_that_a_lost_right_hides_are_kept_and_new_ones_loaded(mirrored: Rig, login: str):
    before = mirrored.rows(SEEN)
    close(mirrored, login)
    mirrored.at_source("CREATE TABLE shop_a.news ()")

    run = mirrored.run(a_mirror())

    assert (run.status, run.tally) == (Status.SUCCESS, Tally(extracted=5, inserted=1, unchanged=4))
    assert mirrored.rows("SELECT count(*) FROM items") == [(7,)]
    assert mirrored.rows(SEEN) == before


def test_the_warning_says_what_changed_and_how_to_delete_after_all(mirrored: Rig, login: str):
    close(mirrored, login)

    [warning] = mirrored.run(a_mirror()).warnings

    assert warning == (
        "2 rows that this read does not confirm were kept: the login may see less than "
        f"before. Its rights were 'user {login}, closed schemas: 0' and are "
        f"'user {login}, closed schemas: 1'; it saw 6 -> 4 rows of 3 -> 2 different "
        "(owner), nothing of 1. Give the right back, or if the rows are really gone: "
        "qupersync run items --allow-deletes"
    )


def test_rows_are_kept_in_each_run_until_the_right_is_back(mirrored: Rig, login: str):
    close(mirrored, login)
    again = [mirrored.run(a_mirror()) for _ in range(2)]
    mirrored.at_source(f"GRANT USAGE ON SCHEMA shop_c TO {login}", "DROP TABLE shop_c.items")

    restored = mirrored.run(a_mirror())

    assert [(run.tally.deleted, len(run.warnings)) for run in again] == [(0, 1), (0, 1)]
    assert (restored.tally.deleted, restored.warnings) == (1, ())


def test_allowed_deletes_go_through_and_what_is_seen_now_is_remembered(mirrored: Rig, login: str):
    close(mirrored, login)

    allowed, next_one = mirrored.run(a_mirror(), allow_deletes=True), mirrored.run(a_mirror())

    assert (allowed.tally.deleted, allowed.warnings) == (2, ())
    assert (next_one.tally, next_one.warnings) == (Tally(extracted=4, unchanged=4), ())
    assert mirrored.rows(SEEN.replace("visibility'", "visibility' ->> 'owners'")) == [("2",)]


def test_an_empty_result_is_an_error_whatever_the_right(mirrored: Rig, login: str):
    for schema in ("shop_a", "shop_b", "shop_c"):
        mirrored.at_source(f"REVOKE USAGE ON SCHEMA {schema} FROM {login}")

    run = mirrored.run(a_mirror())

    assert (run.status, run.error_code) == (Status.FAILED, "max-delete")
    assert "the query returned no row" in run.error


def test_a_schema_that_is_dropped_is_no_lost_right(mirrored: Rig):
    mirrored.at_source("DROP SCHEMA shop_c CASCADE")

    assert mirrored.run(a_mirror()).tally.deleted == 2


def test_an_unchanged_right_still_heeds_max_delete(mirrored: Rig):
    mirrored.at_source("DROP SCHEMA shop_c CASCADE")

    assert mirrored.run(a_mirror(max_delete=1)).error_code == "max-delete"


def test_fewer_rows_of_as_many_owners_are_deleted_whatever_the_right(mirrored: Rig):
    mirrored.at_source("CREATE SCHEMA foreign_to_it", "DROP TABLE shop_c.items")

    assert mirrored.run(a_mirror()).tally.deleted == 1


def test_as_many_rows_of_as_many_owners_do_not_hide_a_lost_right(mirrored: Rig, login: str):
    close(mirrored, login)
    kept_back = mirrored.run(a_mirror())
    mirrored.at_source(
        "CREATE SCHEMA shop_d",
        f"GRANT USAGE ON SCHEMA shop_d TO {login}",
        "CREATE TABLE shop_d.x ()",
        "CREATE TABLE shop_d.y ()",
    )

    grown = mirrored.run(a_mirror())

    assert [(run.tally.deleted, len(run.warnings)) for run in (kept_back, grown)] == [(0, 1)] * 2
    assert "it saw 6 -> 6 rows of 3 -> 3 different (owner), nothing of 1." in grown.warnings[0]


def test_in_a_key_of_one_column_each_row_is_an_owner(mirrored: Rig, login: str):
    mirrored.at_target("CREATE TABLE names (name text PRIMARY KEY)")
    job = a_mirror(
        name="names",
        sql=f"SELECT owner || name AS name FROM ({VISIBLE}) AS v",
        key=["name"],
        target="public.names",
    )
    mirrored.run(job)
    close(mirrored, login)

    run = mirrored.run(job)

    assert run.tally.deleted == 0
    assert "it saw 6 -> 4 rows. Give the right back" in run.warnings[0]


def test_a_reject_in_the_run_that_lost_the_right_does_not_hide_the_loss(mirrored: Rig, login: str):
    close(mirrored, login)
    mirrored.at_target("ALTER TABLE items ADD CHECK (name <> 'bad')")
    mirrored.at_source("CREATE TABLE shop_a.bad ()")
    mirrored.run(a_mirror())
    mirrored.at_source("DROP TABLE shop_a.bad")

    run = mirrored.run(a_mirror())

    assert (run.tally.deleted, len(run.warnings)) == (0, 1)


def test_another_login_that_sees_less_deletes_nothing(
    mirrored: Rig, server: PostgresAddress, login: str
):
    other = f"{login}_2"
    mirrored.at_source(f"CREATE USER {other}", f"GRANT USAGE ON SCHEMA shop_a TO {other}")
    with StandIn(upstream=replace(server, user=other)) as stand_in:
        run = replace(mirrored, stand_in=stand_in).run(a_mirror())
    mirrored.at_source(f"DROP OWNED BY {other}", f"DROP USER {other}")

    assert (run.tally.deleted, len(run.warnings)) == (0, 1)


def test_a_source_that_does_not_tell_its_rights_is_no_error(mirrored: Rig, login: str):
    mirrored.at_source("REVOKE SELECT ON pg_catalog.pg_user FROM PUBLIC", "DROP TABLE shop_c.items")

    run = mirrored.run(a_mirror())

    assert (run.status, run.tally.deleted) == (Status.SUCCESS, 1)
    assert mirrored.rows(SEEN)[0][0]["rights"] == "unknown"


def test_without_deletes_nothing_is_remembered(mirrored: Rig, login: str):
    before = mirrored.rows(SEEN)
    close(mirrored, login)

    mirrored.run(a_mirror(delete_missing=False))

    assert mirrored.rows(SEEN) == before
