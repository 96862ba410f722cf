"""The setting and the condition with which the target is read from one key to another in one go."""

from psycopg.sql import SQL

# Nothing acts on a row that is written, or decides who may see it.
ALONE = SQL("""
oid = CAST({} AS regclass) AND relkind = 'r' AND relchecks = 0
   AND NOT (relhastriggers OR relhasrules OR relrowsecurity OR relhassubclass)""")
# Nor does the default of a column call a function that somebody made, and that may look around.
STANDS_ALONE = SQL("""
SELECT EXISTS (
  SELECT FROM pg_class AS t WHERE {}
     AND NOT EXISTS (
       SELECT FROM pg_attrdef AS a JOIN pg_depend AS d
           ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
          AND d.refclassid = 'pg_proc'::regclass
        WHERE a.adrelid = t.oid))
""")
# Of keys that lie close together the target's rows are read in one go, and not looked up one by
# one: half the time of 20,000 rows that are compared. The planner cannot be left to choose: where
# it expects one row in the range and there are 20,000, it would read all staged ones for each.
# But that binds triggers, checks and policies too, and one that joins large tables for each row
# would need nested loops: so nothing of that kind may be there.
NARROW = SQL("""
SELECT set_config('enable_nestloop', 'off', true), set_config('qupersync.first', {}, true),
       set_config('qupersync.last', {}, true)
  FROM pg_class WHERE {}
""")
BROADEN = "SET LOCAL enable_nestloop TO DEFAULT"
SPAN = SQL("""
{} AND t.{} BETWEEN current_setting('qupersync.first')::bigint
                AND current_setting('qupersync.last')::bigint""")
