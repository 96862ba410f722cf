-- The STL and STV views: only on provisioned clusters, over the events that the SYS views tell of.
CREATE VIEW rs.stv_slices AS
SELECT slice / 2 AS node, slice, slice % 2 AS localslice, 'D'::character(1) AS type
FROM generate_series(0, 3) AS slice;

CREATE VIEW rs.stv_node_storage_capacity AS
SELECT node, 190000 + node * 731 AS used, 762000 AS capacity FROM generate_series(0, 1) AS node;

CREATE VIEW rs.stl_query AS
SELECT q.user_id AS userid, stl_query_id::integer AS query,
    'default'::character(320) AS label, q.transaction_id::bigint AS xid, q.session_id AS pid,
    q.database_name::character(32) AS database, q.query_text::character(4000) AS querytxt,
    child_start AS starttime, q.end_time AS endtime, (q.status <> 'success')::integer AS aborted,
    0 AS insert_pristine, 0 AS concurrency_scaling_status
FROM standin.child JOIN standin.query AS q USING (n)
JOIN standin.viewer ON sees_all OR q.user_id = viewer_id;

CREATE VIEW rs.stl_alert_event_log AS
SELECT q.user_id AS userid, stl_query_id::integer AS query, slice, segment, step,
    q.session_id + slice AS pid, q.transaction_id::bigint AS xid, alert::character(1024) AS event,
    CASE WHEN alert LIKE 'Nested%' THEN 'Review the join predicates to avoid Cartesian products'
        WHEN alert LIKE 'Missing%' THEN 'Run the ANALYZE command'
        ELSE 'Review the choice of sort key to enable range restricted scans'
    END::character(1024) AS solution,
    q.start_time AS event_time
FROM standin.step JOIN standin.query AS q USING (n)
JOIN standin.viewer ON sees_all OR q.user_id = viewer_id, rs.stv_slices
WHERE alert IS NOT NULL;

CREATE VIEW rs.stl_scan AS
SELECT q.user_id AS userid, stl_query_id::integer AS query, slice, segment, step,
    s.start_time AS starttime, s.end_time AS endtime, 0 AS tasknum,
    (rows_out / 4 + CASE slice WHEN 0 THEN rows_out % 4 ELSE 0 END)::bigint AS rows,
    (rows_out / 4 + CASE slice WHEN 0 THEN rows_out % 4 ELSE 0 END) * 96::bigint AS bytes,
    1::bigint AS fetches, CASE WHEN table_no IS NULL THEN 3 ELSE 2 END AS type,
    coalesce(s.table_id, 0) AS tbl,
    CASE WHEN rows_out % 3 = 0 AND table_no IS NOT NULL THEN 't' ELSE 'f' END::character(1)
        AS is_rrscan,
    'f'::character(1) AS is_delayed_scan, rows_out * 3::bigint AS rows_pre_filter,
    rows_out * 2::bigint AS rows_pre_user_filter,
    coalesce(t.table_name, 'Internal Worktable')::character(136) AS perm_table_name,
    'f'::character(1) AS is_rlf_scan, 0 AS is_rlf_scan_reason, 0 AS num_em_blocks,
    0::bigint AS checksum, ''::character(1) AS runtime_filtering, 0 AS scan_region,
    0 AS num_sortkey_as_predicate, 0 AS row_fetcher_state, 0::bigint AS consumed_scan_ranges,
    0::bigint AS work_stealing_reason, 'f'::character(1) AS is_vectorized_scan,
    0 AS is_vectorized_scan_reason, 0::bigint AS row_fetcher_reason,
    0::bigint AS topology_signature, 'f'::character(1) AS use_tpm_partition, 'f'::character(1) AS is_rrscan_expr,
    'f'::character(1) AS scanned_mega_value
FROM standin.step AS s JOIN standin.query AS q USING (n)
JOIN standin.viewer ON sees_all OR q.user_id = viewer_id
LEFT JOIN standin.logged_table AS t ON t.no = s.table_no, rs.stv_slices
WHERE step_name = 'scan';

-- Two events per vacuum, one if it was skipped, failed or still runs; 30 characters cut the text.
CREATE VIEW rs.stl_vacuum AS
SELECT user_id AS userid, transaction_id::bigint AS xid, table_id,
    (CASE WHEN auto THEN '[VacuumBG] ' ELSE '' END || wording)::character(30) AS status,
    (rows_before - CASE WHEN is_end THEN reclaimed ELSE 0 END)::bigint AS rows,
    CASE WHEN is_end THEN rows_before - reclaimed ELSE rows_before * 9 / 10 END AS sortedrows,
    blocks_before - CASE WHEN is_end THEN reclaimed_blocks ELSE 0 END AS blocks,
    0 AS max_merge_partitions, CASE WHEN is_end THEN end_time ELSE start_time END AS eventtime,
    reclaimable::bigint AS reclaimable_rows, 0::bigint AS reclaimable_space_mb,
    0::bigint AS cutoff_xid, (vacuum_type = 'Recluster')::integer AS is_recluster
FROM standin.vacuum, (VALUES (false), (true)) AS moment (is_end), LATERAL (SELECT CASE
        WHEN is_end THEN 'Finished'
        WHEN fate = 'skipped' THEN CASE vacuum_type WHEN 'Full' THEN 'Skipped(sorted>=95%)'
            ELSE 'Skipped (' || lower(vacuum_type) || ' only)' END
        WHEN vacuum_type = 'Delete' AND n % 4 = 1 THEN 'Started Delete Only (Sorted >= 95%)'
        WHEN vacuum_type IN ('Delete', 'Sort') THEN 'Started ' || vacuum_type || ' Only'
        WHEN vacuum_type = 'Reindex' THEN 'Started Reindex'
        ELSE 'Started'
    END AS wording) AS worded
WHERE NOT is_end OR fate = 'complete';

CREATE VIEW rs.stl_connection_log AS
SELECT event, record_time AS recordtime, remote_host AS remotehost, remote_port AS remoteport,
    session_id AS pid, database_name AS dbname, user_name AS username, auth_method AS authmethod,
    duration, ssl_version AS sslversion, ssl_cipher AS sslcipher, mtu,
    ssl_compression AS sslcompression, ssl_expansion AS sslexpansion, iam_auth_guid AS iamauthguid,
    application_name, os_version, driver_version, plugin_name, protocol_version,
    global_session_id AS sessionid, ''::character(16) AS compression
FROM rs.sys_connection_log;

-- What every user may read; anything else asks for a GRANT.
GRANT SELECT ON rs.stv_slices, rs.stl_query, rs.stl_alert_event_log, rs.stl_scan TO PUBLIC;
