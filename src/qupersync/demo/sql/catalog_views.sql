-- The catalog as Redshift shows it, over the real one; `rs` and `standin` pass for system schemas.
CREATE VIEW rs.pg_namespace AS
SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
WHERE nspname NOT IN ('rs', 'standin');

CREATE VIEW rs.pg_class AS
SELECT c.oid, relname, relnamespace, relowner, relfilenode, relpages, reltuples, relkind, relnatts,
    relacl, CASE WHEN k.table_id IS NULL THEN 0 ELSE 1 END::smallint AS reldiststyle
FROM pg_catalog.pg_class AS c JOIN rs.pg_namespace AS n ON n.oid = relnamespace
LEFT JOIN standin.column_design AS k ON k.table_id = c.oid AND is_distkey;

CREATE VIEW rs.pg_attribute AS
SELECT attrelid, attname, atttypid, attlen, attnum, attndims, atttypmod, attbyval, attstorage,
    attalign, attnotnull, atthasdef, attisdropped, attislocal, attinhcount,
    coalesce(is_distkey, false) AS attisdistkey, coalesce(sortkey_position, 0) AS attsortkeyord,
    coalesce(encoding, 0::smallint) AS attencodingtype
FROM pg_catalog.pg_attribute
LEFT JOIN standin.column_design ON table_id = attrelid AND column_name = attname;

CREATE VIEW rs.svv_columns AS
SELECT table_catalog::text,
    CASE WHEN table_schema IN ('rs', 'standin') THEN 'pg_catalog' ELSE table_schema END::text
        AS table_schema,
    table_name::text, column_name::text, ordinal_position::integer, column_default::text,
    is_nullable::text, data_type::text, character_maximum_length::integer,
    numeric_precision::integer, numeric_precision_radix::integer, numeric_scale::integer,
    datetime_precision::integer, interval_type::text, interval_precision::text,
    character_set_catalog::text, character_set_schema::text, character_set_name::text,
    collation_catalog::text, collation_schema::text, collation_name::text, domain_name::text,
    NULL::text AS remarks
FROM information_schema.columns
UNION ALL                                               -- an external table is in no pg_attribute
SELECT current_database(), 'lake', 'clickstream', column_name, position, NULL, '', data_type,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (VALUES ('clicked_at', 1, 'timestamp'), ('payload', 2, 'super'))
    AS external (column_name, position, data_type);

CREATE FUNCTION standin.row_count(relation regclass) RETURNS bigint LANGUAGE plpgsql STABLE
    SECURITY DEFINER AS $$
DECLARE counted bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', relation) INTO counted;
    RETURN counted;
END $$;

-- Like the real one it leaves a table without rows out.
CREATE VIEW rs.svv_table_info AS
WITH design AS (
    SELECT table_id, max(column_name::text) FILTER (WHERE is_distkey) AS distkey,
        max(column_name::text) FILTER (WHERE abs(sortkey_position) = 1) AS sortkey1,
        count(*) FILTER (WHERE sortkey_position <> 0) AS sortkey_num,
        bool_or(encoding NOT IN (0, 128)) AS encoded
    FROM standin.column_design GROUP BY table_id
), counted AS (
    SELECT c.oid, n.nspname, c.relname, standin.row_count(c.oid) AS tbl_rows,
        (SELECT max(atttypmod - 4) FROM pg_catalog.pg_attribute
         WHERE attrelid = c.oid AND atttypid = 'varchar'::regtype) AS max_varchar
    FROM rs.pg_class AS c JOIN rs.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname !~ '^pg_'
)
SELECT current_database()::text AS database, nspname::text AS schema, oid AS table_id,
    relname::text AS "table", CASE WHEN encoded THEN 'Y' ELSE 'N' END AS encoded,
    coalesce('KEY(' || distkey || ')', 'AUTO(ALL)') AS diststyle,
    coalesce(sortkey1, 'AUTO(SORTKEY)') AS sortkey1, max_varchar,
    CASE WHEN sortkey1 IS NOT NULL THEN 'none' END::character(32) AS sortkey1_enc,
    coalesce(sortkey_num, 0)::integer AS sortkey_num,
    (1 + pg_relation_size(oid) / 1048576)::bigint AS size, 0.0042::numeric(10, 4) AS pct_used,
    0::bigint AS empty, CASE WHEN sortkey1 IS NOT NULL THEN 3.25 END::numeric(5, 2) AS unsorted,
    0.00::numeric(5, 2) AS stats_off, tbl_rows::numeric(38, 0) AS tbl_rows,
    CASE WHEN sortkey1 IS NOT NULL THEN 1.00 END::numeric(19, 2) AS skew_sortkey1,
    CASE WHEN distkey IS NOT NULL THEN 1.03 END::numeric(19, 2) AS skew_rows,
    tbl_rows::numeric(38, 0) AS estimated_visible_rows, NULL::text AS risk_event,
    CASE WHEN sortkey1 IS NOT NULL THEN 0.00 END::numeric(12, 2) AS vacuum_sort_benefit,
    (SELECT now - interval '30 days' FROM standin.knobs) AS create_time
FROM counted LEFT JOIN design ON design.table_id = oid
WHERE tbl_rows > 0;

CREATE VIEW rs.svv_transactions AS
SELECT 'rdsdb'::text AS txn_owner, database_name AS txn_db, transaction_id::bigint AS xid,
    1073790000 + n AS pid, start_time AS txn_start, 'ExclusiveLock'::text AS lock_mode,
    'transactionid'::text AS lockable_object_type, NULL::integer AS relation, true AS granted
FROM standin.vacuum WHERE fate = 'running';

CREATE VIEW rs.svv_user_info AS
SELECT usename::text AS user_name, usesysid::integer AS user_id, usecreatedb AS createdb,
    usesuper AS superuser, usesuper AS catalog_update, 'UNLIMITED'::text AS connection_limit,
    CASE WHEN usename IN (SELECT user_name FROM standin.syslog_access) THEN 'UNRESTRICTED'
        ELSE 'RESTRICTED' END::text AS syslog_access,
    NULL::timestamp AS last_ddl_timestamp, 0 AS session_timeout, NULL::text AS external_user_id
FROM pg_catalog.pg_user
WHERE usename = current_user OR (SELECT usesuper FROM pg_catalog.pg_user WHERE usename = current_user);

-- What every user may read; anything else asks for a GRANT.
GRANT SELECT ON rs.pg_namespace, rs.pg_class, rs.pg_attribute, rs.svv_columns, rs.svv_transactions,
    rs.svv_user_info TO PUBLIC;
