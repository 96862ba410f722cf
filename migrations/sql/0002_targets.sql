CREATE TABLE quper.table_stats (
  "database"               text NOT NULL,
  "schema"                 text NOT NULL,
  "table"                  text NOT NULL,
  table_id                 bigint,
  diststyle                text,
  sortkey1                 text,
  sortkey_num              integer,
  sortkey1_encoding        text,
  encoded                  text,
  max_varchar              integer,
  size_mb                  bigint,
  pct_used                 numeric(10,4),
  total_rows               numeric(38,0),
  visible_rows             numeric(38,0),
  unsorted_pct             numeric(5,2),
  stats_off_pct            numeric(5,2),
  skew_sortkey1            numeric(19,2),
  skew_rows                numeric(19,2),
  vacuum_sort_benefit_pct  numeric(12,2),
  risk_event               text,
  create_time              timestamptz,
  PRIMARY KEY ("database", "schema", "table")
);
COMMENT ON TABLE quper.table_stats IS 'One row per table of the connected database (database, schema, table), as of the last run; source: svv_table_info, joined from the catalog so that empty tables stay with 0 rows';
COMMENT ON COLUMN quper.table_stats."database" IS 'Database';
COMMENT ON COLUMN quper.table_stats."schema" IS 'Schema';
COMMENT ON COLUMN quper.table_stats."table" IS 'Table';
COMMENT ON COLUMN quper.table_stats.table_id IS 'Id of this incarnation of the table; another after DROP and CREATE';
COMMENT ON COLUMN quper.table_stats.diststyle IS 'Distribution style, with the column if it is KEY; NULL if the table is empty, as all below but the counts';
COMMENT ON COLUMN quper.table_stats.sortkey1 IS 'First column of the sort key';
COMMENT ON COLUMN quper.table_stats.sortkey_num IS 'Number of columns in the sort key';
COMMENT ON COLUMN quper.table_stats.sortkey1_encoding IS 'Compression of the first column of the sort key';
COMMENT ON COLUMN quper.table_stats.encoded IS 'Whether a column is compressed, in Redshift''s words';
COMMENT ON COLUMN quper.table_stats.max_varchar IS 'Size of the widest VARCHAR column, in bytes';
COMMENT ON COLUMN quper.table_stats.size_mb IS 'Disk used, in blocks of 1 MB';
COMMENT ON COLUMN quper.table_stats.pct_used IS 'Share of the available space that is used, in percent';
COMMENT ON COLUMN quper.table_stats.total_rows IS 'Rows, with those deleted but not yet vacuumed';
COMMENT ON COLUMN quper.table_stats.visible_rows IS 'Rows that a query sees, estimated';
COMMENT ON COLUMN quper.table_stats.unsorted_pct IS 'Unsorted rows, in percent';
COMMENT ON COLUMN quper.table_stats.stats_off_pct IS 'How stale the planner''s statistics are: 0 is fresh, 100 is useless';
COMMENT ON COLUMN quper.table_stats.skew_sortkey1 IS 'Largest non-sort-key column''s size over the first sort key column''s';
COMMENT ON COLUMN quper.table_stats.skew_rows IS 'Rows of the fullest slice over those of the emptiest';
COMMENT ON COLUMN quper.table_stats.vacuum_sort_benefit_pct IS 'How much faster scans would be after VACUUM SORT, at most, in percent';
COMMENT ON COLUMN quper.table_stats.risk_event IS 'Type, transaction and time of an event that puts the table at risk';
COMMENT ON COLUMN quper.table_stats.create_time IS 'When the table was created';

CREATE TABLE quper.vacuum_history (
  transaction_id      bigint NOT NULL,
  table_id            bigint NOT NULL,
  vacuum_type         text NOT NULL,
  start_time          timestamptz NOT NULL,
  end_time            timestamptz,
  status              text NOT NULL,
  is_automatic        boolean,
  user_id             integer,
  database_name       text,
  schema_name         text,
  table_name          text,
  size_before_mb      bigint,
  rows_before         bigint,
  reclaimable_rows    bigint,
  reclaimed_rows      bigint,
  reclaimed_blocks    bigint,
  sorted_rows_before  bigint,
  sorted_rows_after   bigint,
  PRIMARY KEY (transaction_id, table_id, vacuum_type, start_time)
);
CREATE INDEX vacuum_history_start_time_idx ON quper.vacuum_history (start_time);
COMMENT ON TABLE quper.vacuum_history IS 'One row per vacuum of one table (transaction_id, table_id, vacuum_type, start_time); source: stl_vacuum, start and end folded (Serverless: sys_vacuum_history)';
COMMENT ON COLUMN quper.vacuum_history.transaction_id IS 'Transaction of the vacuum';
COMMENT ON COLUMN quper.vacuum_history.table_id IS 'Table';
COMMENT ON COLUMN quper.vacuum_history.vacuum_type IS 'delete, sort, reindex, recluster or full';
COMMENT ON COLUMN quper.vacuum_history.start_time IS 'Start; the watermark';
COMMENT ON COLUMN quper.vacuum_history.end_time IS 'End; NULL while it runs, and for a failure on a provisioned cluster';
COMMENT ON COLUMN quper.vacuum_history.status IS 'running, complete, skipped or failed';
COMMENT ON COLUMN quper.vacuum_history.is_automatic IS 'Whether Redshift started it';
COMMENT ON COLUMN quper.vacuum_history.user_id IS 'User who ran it';
COMMENT ON COLUMN quper.vacuum_history.database_name IS 'Database; NULL on a provisioned cluster for a table that is not in the connected database';
COMMENT ON COLUMN quper.vacuum_history.schema_name IS 'Schema; NULL like database_name';
COMMENT ON COLUMN quper.vacuum_history.table_name IS 'Table; NULL like database_name';
COMMENT ON COLUMN quper.vacuum_history.size_before_mb IS 'Size of the table before, in blocks of 1 MB';
COMMENT ON COLUMN quper.vacuum_history.rows_before IS 'Rows before, with the deleted ones';
COMMENT ON COLUMN quper.vacuum_history.reclaimable_rows IS 'Deleted rows that could be reclaimed';
COMMENT ON COLUMN quper.vacuum_history.reclaimed_rows IS 'Deleted rows that were reclaimed; NULL unless complete';
COMMENT ON COLUMN quper.vacuum_history.reclaimed_blocks IS 'Blocks of 1 MB that were reclaimed; NULL unless complete';
COMMENT ON COLUMN quper.vacuum_history.sorted_rows_before IS 'Sorted rows before';
COMMENT ON COLUMN quper.vacuum_history.sorted_rows_after IS 'Sorted rows after; NULL unless complete';

CREATE TABLE quper.query_history (
  transaction_id      bigint NOT NULL,
  query_id            bigint NOT NULL,
  user_id             integer,
  session_id          integer,
  database_name       text,
  query_type          text,
  query_label         text,
  status              text NOT NULL,
  start_time          timestamptz NOT NULL,
  end_time            timestamptz,
  elapsed_us          bigint,
  queue_us            bigint,
  execution_us        bigint,
  compile_us          bigint,
  planning_us         bigint,
  lock_wait_us        bigint,
  result_cache_hit    boolean,
  returned_rows       bigint,
  returned_bytes      bigint,
  error_message       text,
  service_class_id    integer,
  service_class_name  text,
  compute_type        text,
  usage_limit         text,
  redshift_version    text,
  query_text          text,
  PRIMARY KEY (transaction_id, query_id)
);
CREATE INDEX query_history_start_time_idx ON quper.query_history (start_time);
COMMENT ON TABLE quper.query_history IS 'One row per query of a user (transaction_id, query_id); source: sys_query_history';
COMMENT ON COLUMN quper.query_history.transaction_id IS 'Transaction; never used again';
COMMENT ON COLUMN quper.query_history.query_id IS 'Query; used again over time, unique within its transaction';
COMMENT ON COLUMN quper.query_history.user_id IS 'User who ran it';
COMMENT ON COLUMN quper.query_history.session_id IS 'Process of the session; used again over time';
COMMENT ON COLUMN quper.query_history.database_name IS 'Database of the session';
COMMENT ON COLUMN quper.query_history.query_type IS 'SELECT, INSERT, COPY, DDL and so on';
COMMENT ON COLUMN quper.query_history.query_label IS 'Query group or label';
COMMENT ON COLUMN quper.query_history.status IS 'planning, queued, running, returning, failed, canceled or success';
COMMENT ON COLUMN quper.query_history.start_time IS 'Start; the watermark';
COMMENT ON COLUMN quper.query_history.end_time IS 'End; means nothing until the status is final';
COMMENT ON COLUMN quper.query_history.elapsed_us IS 'Time from start to end, in microseconds';
COMMENT ON COLUMN quper.query_history.queue_us IS 'Time in the queue, in microseconds';
COMMENT ON COLUMN quper.query_history.execution_us IS 'Time of execution, in microseconds';
COMMENT ON COLUMN quper.query_history.compile_us IS 'Time of compilation, in microseconds';
COMMENT ON COLUMN quper.query_history.planning_us IS 'Time of planning, in microseconds';
COMMENT ON COLUMN quper.query_history.lock_wait_us IS 'Time spent waiting for locks, in microseconds';
COMMENT ON COLUMN quper.query_history.result_cache_hit IS 'Whether the result came from the cache';
COMMENT ON COLUMN quper.query_history.returned_rows IS 'Rows returned';
COMMENT ON COLUMN quper.query_history.returned_bytes IS 'Bytes returned';
COMMENT ON COLUMN quper.query_history.error_message IS 'Why it failed';
COMMENT ON COLUMN quper.query_history.service_class_id IS 'WLM service class; -1 on Serverless';
COMMENT ON COLUMN quper.query_history.service_class_name IS 'Name of the WLM service class';
COMMENT ON COLUMN quper.query_history.compute_type IS 'Cluster that ran it: main or concurrency scaling';
COMMENT ON COLUMN quper.query_history.usage_limit IS 'Usage limits that the query reached';
COMMENT ON COLUMN quper.query_history.redshift_version IS 'Version of Redshift that ran it';
COMMENT ON COLUMN quper.query_history.query_text IS 'The first 4000 bytes of the query';

CREATE TABLE quper.alert_events (
  query_id        bigint NOT NULL,
  segment_id      integer NOT NULL,
  step_id         integer NOT NULL,
  event_time      timestamptz NOT NULL,
  event_md5       varchar(32) NOT NULL,
  event           text NOT NULL,
  solution        text,
  transaction_id  bigint,
  user_id         integer,
  PRIMARY KEY (query_id, segment_id, step_id, event_time, event_md5)
);
CREATE INDEX alert_events_event_time_idx ON quper.alert_events (event_time);
COMMENT ON TABLE quper.alert_events IS 'One row per warning about one step of a query (query_id, segment_id, step_id, event_time, event_md5), slices folded; source: stl_alert_event_log (Serverless: sys_query_detail)';
COMMENT ON COLUMN quper.alert_events.query_id IS 'STL''s query id on a provisioned cluster (join query_history on transaction_id), that of query_history on Serverless';
COMMENT ON COLUMN quper.alert_events.segment_id IS 'Segment';
COMMENT ON COLUMN quper.alert_events.step_id IS 'Step in the segment';
COMMENT ON COLUMN quper.alert_events.event_time IS 'Start of the query (Serverless: of the segment); the watermark';
COMMENT ON COLUMN quper.alert_events.event_md5 IS 'MD5 of the event, in hexadecimal';
COMMENT ON COLUMN quper.alert_events.event IS 'What was noticed';
COMMENT ON COLUMN quper.alert_events.solution IS 'What Redshift advises; NULL on Serverless';
COMMENT ON COLUMN quper.alert_events.transaction_id IS 'Transaction of the query; NULL on Serverless';
COMMENT ON COLUMN quper.alert_events.user_id IS 'User who ran the query';

CREATE TABLE quper.node_details (
  node         integer NOT NULL,
  used_mb      bigint,
  capacity_mb  bigint,
  PRIMARY KEY (node)
);
COMMENT ON TABLE quper.node_details IS 'One row per compute node (node), as of the last run; source: stv_node_storage_capacity; empty on Serverless';
COMMENT ON COLUMN quper.node_details.node IS 'Number of the node';
COMMENT ON COLUMN quper.node_details.used_mb IS 'Disk used, in blocks of 1 MB';
COMMENT ON COLUMN quper.node_details.capacity_mb IS 'Disk to use, in blocks of 1 MB; on RA3 that of the whole cluster';

CREATE TABLE quper.column_stats (
  table_catalog             text NOT NULL,
  table_schema              text NOT NULL,
  table_name                text NOT NULL,
  column_name               text NOT NULL,
  ordinal_position          integer,
  data_type                 text,
  character_maximum_length  integer,
  numeric_precision         integer,
  numeric_scale             integer,
  is_nullable               text,
  column_default            text,
  is_distkey                boolean,
  sortkey_position          integer,
  is_encoded                boolean,
  encoding_code             smallint,
  remarks                   text,
  PRIMARY KEY (table_catalog, table_schema, table_name, column_name)
);
COMMENT ON TABLE quper.column_stats IS 'One row per column (table_catalog, table_schema, table_name, column_name) of a table, view or external table, as of the last run; source: svv_columns and pg_attribute';
COMMENT ON COLUMN quper.column_stats.table_catalog IS 'Database';
COMMENT ON COLUMN quper.column_stats.table_schema IS 'Schema';
COMMENT ON COLUMN quper.column_stats.table_name IS 'Table or view';
COMMENT ON COLUMN quper.column_stats.column_name IS 'Column';
COMMENT ON COLUMN quper.column_stats.ordinal_position IS 'Position in the table, from 1';
COMMENT ON COLUMN quper.column_stats.data_type IS 'Type';
COMMENT ON COLUMN quper.column_stats.character_maximum_length IS 'Length of a character type, in bytes';
COMMENT ON COLUMN quper.column_stats.numeric_precision IS 'Precision of a numeric type, in digits';
COMMENT ON COLUMN quper.column_stats.numeric_scale IS 'Scale of a numeric type, in digits';
COMMENT ON COLUMN quper.column_stats.is_nullable IS 'YES or NO';
COMMENT ON COLUMN quper.column_stats.column_default IS 'Default expression';
COMMENT ON COLUMN quper.column_stats.is_distkey IS 'Whether it is the distribution key; NULL, as the next three, for external tables and late-binding views';
COMMENT ON COLUMN quper.column_stats.sortkey_position IS 'Position in the sort key; 0 is none, of alternating signs if interleaved';
COMMENT ON COLUMN quper.column_stats.is_encoded IS 'Whether it is compressed';
COMMENT ON COLUMN quper.column_stats.encoding_code IS 'Redshift''s number of the compression; 0 and 128 are none';
COMMENT ON COLUMN quper.column_stats.remarks IS 'Comment on the column';

CREATE TABLE quper.table_scan_stats (
  "database"                text NOT NULL,
  "table"                   text NOT NULL,
  "day"                     date NOT NULL,
  queries                   bigint,
  range_restricted_queries  bigint,
  scanned_rows              bigint,
  scanned_bytes             bigint,
  first_scan_at             timestamptz,
  last_scan_at              timestamptz,
  PRIMARY KEY ("database", "table", "day")
);
CREATE INDEX table_scan_stats_day_idx ON quper.table_scan_stats ("day");
COMMENT ON TABLE quper.table_scan_stats IS 'One row per database, table name and day in UTC (database, table, day) that a user''s query scanned; source: stl_scan with stl_query (Serverless: sys_query_detail)';
COMMENT ON COLUMN quper.table_scan_stats."database" IS 'Database: of the query on a provisioned cluster, of the table on Serverless';
COMMENT ON COLUMN quper.table_scan_stats."table" IS 'Table, as it was called then; tables of one name in several schemas count together';
COMMENT ON COLUMN quper.table_scan_stats."day" IS 'Day in UTC; the watermark';
COMMENT ON COLUMN quper.table_scan_stats.queries IS 'Queries that scanned it, counted as rewritten by Redshift';
COMMENT ON COLUMN quper.table_scan_stats.range_restricted_queries IS 'Those of them that a sort key helped';
COMMENT ON COLUMN quper.table_scan_stats.scanned_rows IS 'Rows that the scans gave on';
COMMENT ON COLUMN quper.table_scan_stats.scanned_bytes IS 'Bytes that the scans gave on';
COMMENT ON COLUMN quper.table_scan_stats.first_scan_at IS 'Start of the first scan';
COMMENT ON COLUMN quper.table_scan_stats.last_scan_at IS 'End of the last scan';

CREATE TABLE quper.applications (
  global_session_id  text NOT NULL,
  event              text NOT NULL,
  record_time        timestamptz NOT NULL,
  session_id         integer,
  application_name   text,
  user_name          text,
  database_name      text,
  remote_host        text,
  remote_port        text,
  auth_method        text,
  ssl_version        text,
  driver_version     text,
  os_version         text,
  plugin_name        text,
  duration_us        bigint,
  PRIMARY KEY (global_session_id, event, record_time)
);
CREATE INDEX applications_record_time_idx ON quper.applications (record_time);
COMMENT ON TABLE quper.applications IS 'One row per connection event (global_session_id, event, record_time); source: sys_connection_log';
COMMENT ON COLUMN quper.applications.global_session_id IS 'Session, unique for ever; empty when there was none';
COMMENT ON COLUMN quper.applications.event IS 'authenticated, initiating session, set application_name, disconnecting session, authentication failure and so on';
COMMENT ON COLUMN quper.applications.record_time IS 'When it happened; the watermark';
COMMENT ON COLUMN quper.applications.session_id IS 'Process of the session; used again over time';
COMMENT ON COLUMN quper.applications.application_name IS 'Name that the program gave itself';
COMMENT ON COLUMN quper.applications.user_name IS 'User';
COMMENT ON COLUMN quper.applications.database_name IS 'Database';
COMMENT ON COLUMN quper.applications.remote_host IS 'Address of the client';
COMMENT ON COLUMN quper.applications.remote_port IS 'Port of the client';
COMMENT ON COLUMN quper.applications.auth_method IS 'How the user was authenticated';
COMMENT ON COLUMN quper.applications.ssl_version IS 'TLS version; NULL without TLS';
COMMENT ON COLUMN quper.applications.driver_version IS 'Driver of the client';
COMMENT ON COLUMN quper.applications.os_version IS 'Operating system of the client';
COMMENT ON COLUMN quper.applications.plugin_name IS 'Authentication plugin of the client';
COMMENT ON COLUMN quper.applications.duration_us IS 'Length of the connection, in microseconds';
