-- One row per vacuum of one table; every tenth transaction deletes first and sorts after.
CREATE TABLE standin.vacuum AS
WITH dice AS (
    SELECT k.now, n, total, decode(md5(concat(k.seed, ' vacuum ', n)), 'hex') AS dice
    FROM standin.knobs AS k, greatest(20, k.rows / 100) AS total, generate_series(1, total) AS n
), timed AS (
    SELECT *, total - n = 0 AS is_newest, n % 10 = 3 AS has_two, get_byte(dice, 4) < 128 AS auto,
        CASE WHEN n = total THEN now - interval '20 minutes'
            ELSE standin.moment(
                now - interval '7 days 1 hour', now - interval '1 hour', n, total, dice
            ) END AS begun,
        CASE WHEN n = total THEN interval '2 hours'
            ELSE power(10, 6 + 3 * standin.share(dice, 2)) * interval '1 microsecond' END AS took
    FROM dice
), typed AS (
    SELECT *, begun + (phase - 1) * (took + interval '1 second') AS start_time, CASE
            WHEN has_two THEN (ARRAY['Delete', 'Sort'])[phase]
            WHEN auto THEN (ARRAY['Delete', 'Sort'])[1 + get_byte(dice, 5) % 2]
            ELSE ('{Full,Delete,Sort,Reindex,Recluster}'::text[])[1 + get_byte(dice, 5) % 5]
        END AS vacuum_type
    FROM timed, generate_series(1, CASE WHEN has_two THEN 2 ELSE 1 END) AS phase
), fated AS (
    SELECT *, CASE
            WHEN is_newest THEN 'running'
            WHEN has_two OR n % 10 IN (1, 2) THEN 'complete'
            WHEN NOT auto AND n % 10 = 7 THEN 'failed'
            WHEN vacuum_type IN ('Full', 'Delete', 'Sort') AND n % 10 = 8 THEN 'skipped'
            ELSE 'complete'
        END AS fate
    FROM typed
)
SELECT n, 800000000 + n AS transaction_id, CASE WHEN auto THEN 1 ELSE 100 END AS user_id,
    auto, vacuum_type, fate, start_time, t.*, 1000 + get_byte(dice, 6) * 10 AS rows_before,
    get_byte(dice, 7) AS reclaimable, get_byte(dice, 8) % 20 AS blocks_before,
    CASE fate WHEN 'running' THEN NULL WHEN 'skipped' THEN start_time ELSE start_time + took END
        AS end_time,
    CASE fate WHEN 'complete' THEN get_byte(dice, 7) END AS reclaimed,
    CASE fate WHEN 'complete' THEN get_byte(dice, 8) % 3 END AS reclaimed_blocks
FROM fated JOIN standin.logged_table AS t ON t.no = get_byte(dice, 9) % 5;
