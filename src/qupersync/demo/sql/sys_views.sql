-- The SYS views, on provisioned clusters and on Serverless.
CREATE VIEW rs.sys_query_history AS
SELECT user_id, query_id::bigint, 'default'::character(320) AS query_label,
    transaction_id::bigint, session_id, database_name::character(128),
    query_type::character(32), status::character(10),
    query_type = 'SELECT' AND n % 11 = 0 AS result_cache_hit, start_time,
    -- AWS shows a running query with an end_time: only the status tells.
    CASE status WHEN 'queued' THEN NULL WHEN 'running' THEN k.logs_end ELSE end_time END AS end_time,
    elapsed_us AS elapsed_time, elapsed_us / 50 AS queue_time,
    CASE WHEN status <> 'queued' THEN elapsed_us * 9 / 10 END AS execution_time,
    CASE status WHEN 'failed' THEN 'ERROR: column "größe" does not exist in o' ELSE '' END
        ::character(512) AS error_message,
    CASE WHEN status = 'success' THEN get_byte(dice, 12) * 17 END::bigint AS returned_rows,
    CASE WHEN status = 'success' THEN get_byte(dice, 12) * 1700 END::bigint AS returned_bytes,
    query_text::character(4000),
    'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.100000'
        ::character(256) AS redshift_version,
    NULL::character(150) AS usage_limit,
    CASE WHEN n % 50 = 0 THEN 'secondary' ELSE 'primary' END::varchar(32) AS compute_type,
    elapsed_us / 40 AS compile_time, elapsed_us / 60 AS planning_time,
    CASE WHEN n % 3 = 0 THEN 0 END::bigint AS lock_wait_time,
    100 AS service_class_id, 'Default queue'::character(64) AS service_class_name,
    'Normal'::character(20) AS query_priority, 'false'::character(10) AS short_query_accelerated,
    md5(query_text)::character(40) AS user_query_hash,
    md5(query_type)::character(40) AS generic_query_hash, 1 AS query_hash_version,
    NULL::integer AS result_cache_query_id,
    CASE user_id WHEN 1 THEN 'rdsdb' ELSE 'analyst_' || user_id END::character(128) AS username
FROM standin.query, standin.knobs AS k, standin.viewer
WHERE sees_all OR user_id = viewer_id;

-- Every step is also part of a stream, a segment and a child query; those rows have -1 below them.
CREATE VIEW rs.sys_query_detail AS
SELECT q.user_id, q.query_id::bigint, child_no AS child_query_sequence,
    CASE WHEN level > 0 THEN segment / 2 ELSE -1 END AS stream_id,
    CASE WHEN level > 1 THEN segment ELSE -1 END AS segment_id,
    CASE WHEN level > 2 THEN step ELSE -1 END AS step_id,
    CASE WHEN level > 2 THEN step_name END AS step_name,
    CASE WHEN level > 2 THEN coalesce(s.table_id, 0) END AS table_id,
    CASE WHEN level > 2 AND table_no IS NOT NULL
        THEN concat_ws('.', t.database_name, t.schema_name, t.table_name) ELSE '' END
        ::character(136) AS table_name,
    CASE WHEN rows_out % 3 = 0 AND table_no IS NOT NULL THEN 't' ELSE 'f' END::character(1)
        AS is_rrscan,
    s.start_time, s.end_time,
    (extract(epoch FROM s.end_time - s.start_time) * 1000000)::bigint AS duration,
    CASE WHEN level > 2 THEN alert END AS alert, rows_out * 960::bigint AS input_bytes,
    rows_out * 9::bigint AS input_rows, rows_out * 96::bigint AS output_bytes,
    rows_out::bigint AS output_rows, (rows_out / 100)::bigint AS blocks_read,
    0::bigint AS blocks_write, (rows_out / 100)::bigint AS "local_read_IO",
    0::bigint AS "remote_read_IO", ''::text AS source, 0 AS data_skewness, 0 AS time_skewness,
    'f'::character(1) AS is_active, 0::bigint AS spilled_block_local_disk,
    0::bigint AS spilled_block_remote_disk, ''::character(64) AS step_attribute,
    (ARRAY['child query', 'stream', 'segment', 'step'])[level + 1]::character(64) AS metrics_level,
    -1 AS plan_parent_id, 0 AS plan_node_id
FROM standin.step AS s JOIN standin.query AS q USING (n)
LEFT JOIN standin.logged_table AS t ON t.no = s.table_no
JOIN generate_series(0, 3) AS level
    ON level = 3 OR (step = 0 AND (level = 2 OR segment = 0))
JOIN standin.viewer ON sees_all OR q.user_id = viewer_id;

CREATE VIEW rs.sys_vacuum_history AS
SELECT user_id, transaction_id::bigint, CASE WHEN NOT auto THEN 300000 + n END::bigint AS query_id,
    database_name, schema_name, table_name, table_id, vacuum_type::character(32),
    auto AS is_automatic,
    CASE fate WHEN 'running' THEN 'Merge' ELSE initcap(fate) END::character(64) AS status,
    start_time, end_time, coalesce(end_time, start_time) AS record_time,
    least(extract(epoch FROM end_time - start_time) * 1000000, 2147483647)::integer AS duration,
    rows_before::bigint AS rows_before_vacuum, blocks_before AS size_before_vacuum,
    reclaimable::bigint AS reclaimable_rows, reclaimed::bigint AS reclaimed_rows,
    reclaimed_blocks::bigint, rows_before * 9 / 10 AS sortedrows_before_vacuum,
    CASE fate WHEN 'complete' THEN rows_before - reclaimed END AS sortedrows_after_vacuum
FROM standin.vacuum, standin.viewer WHERE sees_all OR user_id = viewer_id;

CREATE VIEW rs.sys_connection_log AS
SELECT event::character(50), record_time,
    ('::ffff:10.0.' || get_byte(dice, 2) || '.' || get_byte(dice, 3))::character(45) AS remote_host,
    (40000 + session_no % 20000)::text::character(32) AS remote_port, session_id,
    database_name::character(50),
    CASE user_id WHEN 1 THEN 'rdsdb' ELSE 'analyst_' || user_id END::character(50) AS user_name,
    'password'::character(32) AS auth_method, duration_us AS duration,
    'TLSv1.3'::character(50) AS ssl_version, 'TLS_AES_256_GCM_SHA384'::character(128) AS ssl_cipher,
    0 AS mtu, ''::character(64) AS ssl_compression, ''::character(64) AS ssl_expansion,
    ''::character(36) AS iam_auth_guid, application_name::character(250),
    'Redshift Python Driver 2.2.0'::character(64) AS driver_version,
    'Linux 6.1 amd64 naïve'::character(64) AS os_version, ''::character(32) AS plugin_name,
    2 AS protocol_version, global_session_id::character(36)
FROM standin.session_event;

-- What every user may read; the connection log asks for a GRANT.
GRANT SELECT ON rs.sys_query_history, rs.sys_query_detail, rs.sys_vacuum_history TO PUBLIC;
