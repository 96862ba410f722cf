-- Least privilege for QuperSync: three parts, each for another server or another moment.
-- Change every password. `qupersync doctor` names what is still missing.

------------------------------------------------------------------------------------------------
-- 1. On Amazon Redshift, as a superuser, once: the user that reads (REDSHIFT_USER)
------------------------------------------------------------------------------------------------
CREATE USER qupersync PASSWORD 'Change-me-1' CONNECTION LIMIT 20;

-- Without this the user sees only its own rows in the logs, and nothing says so. Mind that the
-- text of other people's queries may hold confidential values.
ALTER USER qupersync SYSLOG ACCESS UNRESTRICTED;

-- The built-in jobs: these views show nothing to a plain user.
GRANT SELECT ON svv_table_info TO qupersync;
GRANT SELECT ON sys_connection_log TO qupersync;
-- Only on a provisioned cluster.
GRANT SELECT ON stl_vacuum TO qupersync;
GRANT SELECT ON stv_node_storage_capacity TO qupersync;

-- A job of your own that reads shop.orders:
--   GRANT USAGE ON SCHEMA shop TO qupersync;
--   GRANT SELECT ON shop.orders TO qupersync;

------------------------------------------------------------------------------------------------
-- 2. On PostgreSQL, in the target database, as a superuser, once: who comes in
------------------------------------------------------------------------------------------------
-- The migrator owns the schema: db upgrade, db create, prune. The writer runs the jobs
-- (POSTGRES_USER in cron's environment). The reader is for dashboards and APIs.
CREATE ROLE quper_migrator LOGIN PASSWORD 'change-me';
CREATE ROLE quper_writer LOGIN PASSWORD 'change-me';
CREATE ROLE quper_reader LOGIN PASSWORD 'change-me';

-- A schema may be created by whom the database lets; staging tables are temporary.
DO $$
BEGIN
  EXECUTE format('GRANT CREATE ON DATABASE %I TO quper_migrator', current_database());
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO quper_writer', current_database());
END $$;

------------------------------------------------------------------------------------------------
-- 3. On PostgreSQL, as quper_migrator: after `qupersync db upgrade`, and after each `db create`
------------------------------------------------------------------------------------------------
BEGIN;
GRANT USAGE ON SCHEMA quper TO quper_writer, quper_reader;

-- The writer: the targets and QuperSync's own tables. Only snapshot jobs, and jobs with
-- `retention`, delete: add the tables of yours to the second line. The ledger is only added to,
-- the revision and the views are only read.
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA quper TO quper_writer;
GRANT DELETE ON quper.table_stats, quper.node_details, quper.column_stats TO quper_writer;
REVOKE UPDATE ON quper.sync_batches, quper.sync_attempts FROM quper_writer;
REVOKE INSERT, UPDATE ON quper.qupersync_version, quper.sync_status_v1, quper.sync_runs_v1
  FROM quper_writer;
GRANT USAGE ON SEQUENCE quper.qupersync_fence_seq TO quper_writer;

-- The reader: the targets, and the two views of the runs. Not the tables behind them, and above
-- all not sync_rejects, which keeps whole rows.
GRANT SELECT ON ALL TABLES IN SCHEMA quper TO quper_reader;
REVOKE SELECT ON quper.qupersync_leases, quper.qupersync_state, quper.qupersync_version,
  quper.sync_logs, quper.sync_batches, quper.sync_attempts, quper.sync_rejects FROM quper_reader;
COMMIT;
