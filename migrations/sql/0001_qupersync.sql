CREATE SEQUENCE quper.qupersync_fence_seq;
COMMENT ON SEQUENCE quper.qupersync_fence_seq IS 'Fencing tokens: grows with every claim of a job, never reset';

CREATE TABLE quper.qupersync_leases (
  source             text NOT NULL,
  job                text NOT NULL,
  fence              bigint NOT NULL DEFAULT 0,
  lease_owner        uuid,
  lease_owner_info   text,
  lease_acquired_at  timestamptz,
  lease_expires_at   timestamptz,
  cancel_requested   boolean NOT NULL DEFAULT false,
  PRIMARY KEY (source, job),
  -- Makes a change of the fence a key update, which waits for the FOR KEY SHARE of a batch.
  UNIQUE (source, job, fence)
);
COMMENT ON TABLE quper.qupersync_leases IS 'Who works on a job now: one row per (source, job)';

CREATE TABLE quper.qupersync_state (
  source                text NOT NULL,
  job                   text NOT NULL,
  watermark             text,
  watermark_type        text CHECK (watermark_type IN ('timestamp', 'timestamptz', 'date', 'bigint')),
  batch_seq             bigint NOT NULL DEFAULT 0,
  fence                 bigint NOT NULL DEFAULT 0,
  last_run_id           uuid,
  last_success_at       timestamptz,
  consecutive_failures  integer NOT NULL DEFAULT 0,
  target_table          text NOT NULL UNIQUE,
  details               jsonb NOT NULL DEFAULT '{}',
  updated_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, job)
);
COMMENT ON TABLE quper.qupersync_state IS 'How far each job is, and which table is its own: one row per (source, job)';
COMMENT ON COLUMN quper.qupersync_state.watermark IS 'Everything before this point is in the target; canonical text, compared by type and never as text';
COMMENT ON COLUMN quper.qupersync_state.batch_seq IS 'Number of committed batches, for ever; each commit compares and sets it';
COMMENT ON COLUMN quper.qupersync_state.fence IS 'Fencing token of the last writer';

CREATE TABLE quper.sync_logs (
  run_id             uuid PRIMARY KEY,
  source             text NOT NULL,
  sync_job_id        text NOT NULL,
  trigger            text NOT NULL CHECK (trigger IN ('cron', 'manual', 'backfill', 'retry', 'replay', 'verify')),
  status             text NOT NULL CHECK (status IN ('running', 'success', 'failed', 'dead', 'canceled', 'skipped')),
  started_at         timestamptz NOT NULL,
  completed_at       timestamptz,
  duration_ms        bigint,
  window_low         text,
  window_high        text,
  watermark_before   text,
  watermark_after    text,
  rows_extracted     bigint NOT NULL DEFAULT 0,
  rows_upserted      bigint NOT NULL DEFAULT 0,
  rows_inserted      bigint NOT NULL DEFAULT 0,
  rows_updated       bigint NOT NULL DEFAULT 0,
  rows_unchanged     bigint NOT NULL DEFAULT 0,
  rows_deduplicated  bigint NOT NULL DEFAULT 0,
  rows_skipped       bigint NOT NULL DEFAULT 0,
  rows_deleted       bigint NOT NULL DEFAULT 0,
  batches            integer NOT NULL DEFAULT 0,
  attempts           integer NOT NULL DEFAULT 1,
  error              text,
  error_code         text,
  retryable          boolean,
  replay_of          uuid REFERENCES quper.sync_logs,
  correlation_id     uuid NOT NULL,
  host               text NOT NULL,
  pid                integer NOT NULL,
  version            text NOT NULL,
  warnings           jsonb NOT NULL DEFAULT '[]',
  CONSTRAINT sync_logs_open_means_running CHECK ((status = 'running') = (completed_at IS NULL)),
  CONSTRAINT sync_logs_rows_upserted CHECK (rows_upserted = rows_inserted + rows_updated + rows_unchanged),
  CONSTRAINT sync_logs_rows_balance CHECK (rows_extracted = rows_upserted + rows_deduplicated + rows_skipped)
);
CREATE INDEX sync_logs_by_job ON quper.sync_logs (source, sync_job_id, started_at DESC);
CREATE INDEX sync_logs_by_time ON quper.sync_logs (started_at DESC);
CREATE INDEX sync_logs_open ON quper.sync_logs (source, sync_job_id) WHERE status = 'running';
COMMENT ON TABLE quper.sync_logs IS 'One row per run of a job; counters are the sums of its committed batches';
COMMENT ON COLUMN quper.sync_logs.duration_ms IS 'Milliseconds from start to end';
COMMENT ON COLUMN quper.sync_logs.rows_deduplicated IS 'Rows whose key came again within their batch; another row with that key was kept';
COMMENT ON COLUMN quper.sync_logs.rows_skipped IS 'Rows set aside in sync_rejects';

CREATE TABLE quper.sync_batches (
  source             text NOT NULL,
  sync_job_id        text NOT NULL,
  batch_seq          bigint NOT NULL,
  run_id             uuid NOT NULL REFERENCES quper.sync_logs ON DELETE CASCADE,
  fence              bigint NOT NULL,
  window_low         text,
  window_high        text,
  watermark          text,
  rows_extracted     bigint NOT NULL,
  rows_inserted      bigint NOT NULL,
  rows_updated       bigint NOT NULL,
  rows_unchanged     bigint NOT NULL,
  rows_deduplicated  bigint NOT NULL,
  rows_skipped       bigint NOT NULL,
  rows_deleted       bigint NOT NULL,
  xid                text NOT NULL DEFAULT pg_current_xact_id()::text,
  committed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, sync_job_id, batch_seq),
  CONSTRAINT sync_batches_rows_balance CHECK (
    rows_extracted = rows_inserted + rows_updated + rows_unchanged + rows_deduplicated + rows_skipped)
);
CREATE INDEX sync_batches_by_run ON quper.sync_batches (run_id);
COMMENT ON TABLE quper.sync_batches IS 'The ledger: one row per committed batch, written in the transaction of its rows';

CREATE TABLE quper.sync_attempts (
  run_id        uuid NOT NULL REFERENCES quper.sync_logs ON DELETE CASCADE,
  attempt       integer NOT NULL,
  started_at    timestamptz NOT NULL,
  completed_at  timestamptz,
  status        text NOT NULL,
  error         text,
  error_code    text,
  retryable     boolean,
  backoff_ms    bigint,
  PRIMARY KEY (run_id, attempt)
);
COMMENT ON TABLE quper.sync_attempts IS 'Every attempt of every run';

CREATE TABLE quper.sync_rejects (
  reject_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id          uuid NOT NULL,
  source          text NOT NULL,
  sync_job_id     text NOT NULL,
  row             jsonb NOT NULL,
  payload         bytea NOT NULL,
  payload_format  text NOT NULL,
  payload_sha256  bytea NOT NULL,
  key             text NOT NULL,
  column_name     text NOT NULL DEFAULT '',
  reason          text NOT NULL,
  sqlstate        text NOT NULL DEFAULT '',
  times_seen      integer NOT NULL DEFAULT 1,
  rejected_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at     timestamptz,
  resolution      text CHECK (resolution IN ('replayed', 'discarded', 'superseded')),
  UNIQUE (source, sync_job_id, payload_sha256),
  CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
-- Without the key, which may be longer than an index row can hold: that may be why it is here.
CREATE INDEX sync_rejects_open ON quper.sync_rejects (source, sync_job_id) WHERE resolved_at IS NULL;
COMMENT ON TABLE quper.sync_rejects IS 'Rows that could not be loaded, once each however often they are seen';
COMMENT ON COLUMN quper.sync_rejects.row IS 'Target column -> its value as text, for people';
COMMENT ON COLUMN quper.sync_rejects.payload IS 'The row bit for bit, in payload_format';

CREATE VIEW quper.sync_status_v1 AS
SELECT s.source, s.job, s.target_table, s.watermark, s.watermark_type, s.last_success_at,
       s.consecutive_failures, r.run_id AS last_run_id, r.status AS last_status,
       r.started_at AS last_started_at, r.completed_at AS last_completed_at,
       r.duration_ms AS last_duration_ms, r.rows_extracted, r.rows_inserted, r.rows_updated,
       r.rows_unchanged, r.rows_deduplicated, r.rows_skipped, r.rows_deleted, r.error_code, r.error,
       r.warnings, l.lease_owner IS NOT NULL AND l.lease_expires_at > clock_timestamp() AS is_running
  FROM quper.qupersync_state s
  LEFT JOIN quper.qupersync_leases l USING (source, job)
  LEFT JOIN quper.sync_logs r ON r.run_id = s.last_run_id;
COMMENT ON VIEW quper.sync_status_v1 IS 'Each job and its last run that was not skipped; stable for dashboards';

CREATE VIEW quper.sync_runs_v1 AS
SELECT run_id, source, sync_job_id AS job, trigger, status, started_at, completed_at, duration_ms,
       window_low, window_high, watermark_before, watermark_after, rows_extracted, rows_upserted,
       rows_inserted, rows_updated, rows_unchanged, rows_deduplicated, rows_skipped, rows_deleted,
       batches, attempts, error, error_code, retryable, replay_of, correlation_id, warnings
  FROM quper.sync_logs;
COMMENT ON VIEW quper.sync_runs_v1 IS 'Every run; stable for dashboards';
