-- One row per query of the last seven days; everything else in the logs hangs on these.
CREATE TABLE standin.query_text (no serial, query_type text, query_text text);
INSERT INTO standin.query_text (query_type, query_text) VALUES
    ('SELECT', E'SELECT c.name, sum(o.total)\nFROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id\nWHERE c.name = ''O''''Brien'' AND o.id > {n}\nGROUP BY 1'),
    ('SELECT', E'select count(*) from shop.page_views\n-- don''t touch; 100% needed\nwhere url like ''%/sale;id={n}%'';'),
    ('SELECT', '/* 📊 Umsätze "{n}" */ SELECT day, total::numeric(12,2) FROM shop.daily_totals WHERE day >= ''2026-01-01'' AND note <> ''naïve — ¿qué?'''),
    ('SELECT', 'SELECT id FROM shop.orders WHERE id IN ({long})'),
    ('SELECT', 'SELECT name FROM shop.customers WHERE name LIKE ''株式会社%'' OR id = :low OR id = %s OR id = ${n}'),
    ('SELECT', E'SELECT\t*\tFROM archive.orders WHERE path = ''C:\\temp\\{n}'' LIMIT 100'),
    ('SELECT', 'SELECT current_date;'),
    ('INSERT', 'INSERT INTO shop.orders SELECT * FROM shop.orders_staging WHERE batch = {n}'),
    ('UPDATE', 'UPDATE shop.orders SET total = total * 0.5 WHERE note = ''50% off; today only'' AND id = {n}'),
    ('DELETE', 'DELETE FROM shop.page_views WHERE viewed_at < dateadd(day, -90, getdate())'),
    ('COPY', 'COPY shop.page_views FROM ''s3://bucket/views/{n}/'' IAM_ROLE ''arn:aws:iam::123456789012:role/load'' GZIP'),
    ('CTAS', 'CREATE TABLE shop."order" AS SELECT 1 AS "select"'),
    ('UTILITY', 'SET query_group TO ''nightly''');

CREATE FUNCTION standin.kept_text(template text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN replace(replace(template, '{n}', n::text), '{long}', repeat(n || ',', 1500) || '0');

CREATE TABLE standin.query AS
WITH dice AS (
    SELECT k.now, k.logs_end, k.rows, n, (n - 1) / 20 AS session_no,
        decode(md5(concat(k.seed, ' query ', n)), 'hex') AS dice,
        decode(md5(concat(k.seed, ' session ', (n - 1) / 20)), 'hex') AS session_dice
    FROM standin.knobs AS k, generate_series(1, k.rows) AS n
), timed AS (
    SELECT *, standin.moment(now - interval '7 days', logs_end, n, rows, dice) AS start_time,
        CASE
            WHEN n > rows - 4 THEN 7200000000           -- the newest four are still at work
            WHEN n % 397 = 0 THEN 30000000000           -- a few take more than eight hours
            ELSE power(10, 4 + 5 * standin.share(dice, 2))::bigint
        END AS elapsed_us
    FROM dice
)
SELECT n, session_no, dice, start_time, elapsed_us,
    -- Ids are reused over time: the last tenth has those of the first.
    100000 + n % greatest(rows * 9 / 10, 1) AS query_id,
    -- Every seventh query shares the transaction of the one before it.
    700000000 + n - CASE WHEN n % 7 = 0 THEN 1 ELSE 0 END AS transaction_id,
    1073700000 + session_no % 500 AS session_id,
    CASE WHEN get_byte(session_dice, 0) < 16 THEN 1 ELSE 100 + get_byte(session_dice, 1) % 8 END
        AS user_id,
    CASE WHEN get_byte(session_dice, 2) < 24 THEN 'analytics' ELSE current_database() END
        AS database_name,
    start_time + elapsed_us * interval '1 microsecond' AS end_time,
    CASE
        WHEN start_time + elapsed_us * interval '1 microsecond' > logs_end
            THEN CASE WHEN n % 2 = 0 THEN 'running' ELSE 'queued' END
        WHEN get_byte(dice, 4) < 8 THEN 'failed'
        WHEN get_byte(dice, 4) < 12 THEN 'canceled'
        ELSE 'success'
    END AS status,
    query_type, standin.kept_text(query_text, n) AS query_text
FROM timed JOIN standin.query_text ON no = 1 + get_byte(dice, 5) % 13;

ALTER TABLE standin.query ADD PRIMARY KEY (n);
