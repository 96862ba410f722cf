-- One row per connection event; a session is twenty queries long and may rename itself.
CREATE TABLE standin.session_event AS
WITH session AS (
    SELECT session_no, session_id, user_id, database_name, k.logs_end, k.seed,
        min(start_time) - interval '2 seconds' AS opened,
        max(least(end_time, start_time + interval '1 hour')) + interval '5 seconds' AS closed,
        decode(md5(concat(k.seed, ' client ', session_no)), 'hex') AS dice
    FROM standin.query, standin.knobs AS k
    GROUP BY session_no, session_id, user_id, database_name, k.logs_end, k.seed
), named AS (
    SELECT *, md5(concat(seed, ' id ', session_no))::uuid::text AS global_session_id,
        ARRAY['psql', 'dbt 🚀', 'DBeaver — Main', 'Tableau O''Neill', '100% BI; --', 'qupersync', '']
            AS names
    FROM session
), event (event, delay_us, nth) AS (
    VALUES ('authentication failure', -900000, 0), ('authenticated', 0, 1),
        ('initiating session', 1200, 2), ('set application_name', 2500, 3),
        ('set application_name', 2500, 4), ('set application_name', NULL, 5),
        ('disconnecting session', NULL, 6)
)
SELECT session_no, session_id, user_id, database_name, dice, event,
    CASE WHEN nth = 0 THEN '' ELSE global_session_id END AS global_session_id,
    CASE WHEN nth >= 3 THEN names[1 + (get_byte(dice, 1) + nth / 5) % 7] ELSE '' END
        AS application_name,
    CASE nth WHEN 5 THEN opened + (closed - opened) / 2 WHEN 6 THEN closed
        ELSE opened + delay_us * interval '1 microsecond' END AS record_time,
    CASE nth WHEN 6 THEN least(extract(epoch FROM closed - opened) * 1000000, 2147483647) ELSE 0 END
        ::integer AS duration_us
FROM named, event
WHERE (nth <> 0 OR session_no % 15 = 0)
    AND (nth <> 4 OR session_no % 10 = 0)               -- logged twice in one microsecond
    AND (nth <> 5 OR session_no % 4 = 0)
    AND (nth < 5 OR closed < logs_end);                 -- the newest sessions are still open
