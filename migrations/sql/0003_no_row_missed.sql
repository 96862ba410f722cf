ALTER TABLE quper.sync_batches
  ADD COLUMN completes boolean NOT NULL DEFAULT false,
  ADD COLUMN rows_late bigint NOT NULL DEFAULT 0,
  ADD COLUMN late_max_ms bigint;
COMMENT ON COLUMN quper.sync_batches.completes IS 'Whether all of the window was stored with this batch';
COMMENT ON COLUMN quper.sync_batches.rows_late IS 'Inserted rows that lay in the overlap: they appeared after the last run had passed them';
COMMENT ON COLUMN quper.sync_batches.late_max_ms IS 'How far behind the last run''s end the oldest of them lay, in milliseconds';
UPDATE quper.sync_batches SET completes = true WHERE watermark IS NOT NULL;

ALTER TABLE quper.sync_logs
  ADD COLUMN rows_late bigint NOT NULL DEFAULT 0,
  ADD COLUMN late_max_ms bigint;
COMMENT ON COLUMN quper.sync_logs.rows_late IS 'Inserted rows that lay in the overlap: they appeared after the last run had passed them';
COMMENT ON COLUMN quper.sync_logs.late_max_ms IS 'How far behind the last run''s end the oldest of them lay, in milliseconds';
COMMENT ON COLUMN quper.sync_logs.replay_of IS 'The run whose window this one read again';
CREATE INDEX sync_logs_by_pass ON quper.sync_logs (correlation_id);

CREATE OR REPLACE VIEW quper.sync_status_v1 AS
SELECT s.source, s.job, s.target_table, s.watermark, s.watermark_type, s.last_success_at,
       s.consecutive_failures, r.run_id AS last_run_id, r.status AS last_status,
       r.started_at AS last_started_at, r.completed_at AS last_completed_at,
       r.duration_ms AS last_duration_ms, r.rows_extracted, r.rows_inserted, r.rows_updated,
       r.rows_unchanged, r.rows_deduplicated, r.rows_skipped, r.rows_deleted, r.error_code, r.error,
       r.warnings, l.lease_owner IS NOT NULL AND l.lease_expires_at > clock_timestamp() AS is_running,
       r.rows_late, r.late_max_ms, s.details -> 'gaps' AS gaps,
       make_interval(secs => (s.details ->> 'kept_s')::float8) AS kept_at_least
  FROM quper.qupersync_state s
  LEFT JOIN quper.qupersync_leases l USING (source, job)
  LEFT JOIN quper.sync_logs r ON r.run_id = s.last_run_id;
COMMENT ON COLUMN quper.sync_status_v1.gaps IS 'Spans that the source may have dropped before they were read, and that nobody acknowledged';
COMMENT ON COLUMN quper.sync_status_v1.kept_at_least IS 'The age of the source''s oldest row when rows were last seen there';

CREATE OR REPLACE VIEW quper.sync_runs_v1 AS
SELECT run_id, source, sync_job_id AS job, trigger, status, started_at, completed_at, duration_ms,
       window_low, window_high, watermark_before, watermark_after, rows_extracted, rows_upserted,
       rows_inserted, rows_updated, rows_unchanged, rows_deduplicated, rows_skipped, rows_deleted,
       batches, attempts, error, error_code, retryable, replay_of, correlation_id, warnings,
       rows_late, late_max_ms
  FROM quper.sync_logs;
