"""Nobody's names come before PostgreSQL's own in what QuperSync says to the target."""

import pytest

from qupersync.domain.batch import Tally
from qupersync.infrastructure.postgres.migrations import upgrade
from tests.grants import execute
from tests.pipeline.rig import Rig, a_job, a_snapshot

# Each of these would be called if the path of the database, or of the role, counted.
TRAPS = """
CREATE SCHEMA traps;
CREATE FUNCTION traps.caught() RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION traps.set_config(text, text, boolean) RETURNS text RETURN traps.caught()::text;
CREATE FUNCTION traps.clock_timestamp() RETURNS timestamptz
  RETURN CASE WHEN traps.caught() THEN pg_catalog.now() END;
CREATE FUNCTION traps.now() RETURNS timestamptz RETURN traps.clock_timestamp();
CREATE FUNCTION traps.equal(int, int) RETURNS boolean RETURN traps.caught();
CREATE FUNCTION traps.equal(text, text) RETURNS boolean RETURN traps.caught();
CREATE OPERATOR traps.= (LEFTARG = int, RIGHTARG = int, FUNCTION = traps.equal);
CREATE OPERATOR traps.= (LEFTARG = text, RIGHTARG = text, FUNCTION = traps.equal);
CREATE TABLE traps.pg_class (); CREATE TABLE traps.pg_attribute (); CREATE TABLE traps.pg_index ();
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = traps, pg_catalog, public',
  current_database()); END $$;
"""
ROW = "INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')"


@pytest.mark.parametrize("job", [a_job(), a_snapshot()], ids=["incremental", "snapshot"])
def test_a_run_calls_no_function_operator_or_table_of_others(items: Rig, job):
    items.at_source(ROW)
    items.at_target(TRAPS)

    first, second = items.run(job), items.run(job)

    assert first.tally == Tally(extracted=1, inserted=1), first.error
    assert second.tally == Tally(extracted=1, unchanged=1), second.error


def test_the_traps_catch_whoever_trusts_the_path(items: Rig):
    items.at_target(TRAPS)

    with pytest.raises(Exception, match="caught"):
        items.rows("SELECT 1 = 1")


def test_an_upgrade_calls_none_either(empty_database: str):
    execute(empty_database, TRAPS)

    upgrade(empty_database)


def test_a_temporary_table_of_that_name_is_not_taken_for_the_catalog(items: Rig):
    items.at_source(ROW)
    with items.open_target() as target:
        target.session.connection.execute("CREATE TEMP TABLE pg_class ()")

        assert target.look(a_job()).is_empty()


def test_types_and_checks_of_the_target_still_work(rig: Rig):
    rig.at_source("CREATE TABLE items (id int, name text)", "INSERT INTO items VALUES (1, 'a')")
    rig.at_target(
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE FUNCTION fine(text) RETURNS boolean LANGUAGE sql AS 'SELECT $1 <> '''''",
        "CREATE TABLE items (id int PRIMARY KEY, name text CHECK (fine(name)),"
        " mood mood DEFAULT 'good', CHECK (mood <> 'bad'))",
    )

    assert rig.run(a_snapshot(sql="SELECT id, name FROM items")).tally.inserted == 1
    assert rig.rows("SELECT name, mood FROM items") == [("a", "good")]
