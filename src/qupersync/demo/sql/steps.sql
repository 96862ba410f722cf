-- The queries that a finished SELECT was rewritten to: STL numbers these, SYS the query itself.
CREATE TABLE standin.child AS
SELECT n, child_no, query_id * 10 + child_no AS stl_query_id, elapsed_us, database_name, dice,
    start_time + elapsed_us * (child_no - 1) / 2 * interval '1 microsecond' AS child_start
FROM standin.query, generate_series(1, CASE WHEN n % 8 = 0 THEN 2 ELSE 1 END) AS child_no
WHERE query_type = 'SELECT' AND status NOT IN ('running', 'queued');

-- Their steps: what was scanned and what the planner warned about.
CREATE TABLE standin.step AS
WITH shape (segment, step, step_name, table_shift) AS (
    VALUES (0, 0, 'scan', 0), (1, 0, 'scan', 1), (1, 2, 'hashjoin', NULL), (2, 0, 'scan', NULL)
), placed AS (
    SELECT n, child_no, stl_query_id, segment, step, step_name, dice,
        child_start + (segment + 1) * elapsed_us / 100 * interval '1 microsecond' AS start_time,
        child_start + (segment + 2) * elapsed_us / 10 * interval '1 microsecond' AS end_time,
        CASE
            WHEN table_shift IS NULL THEN NULL
            WHEN database_name = 'analytics' THEN 5
            ELSE (get_byte(dice, 6) + table_shift) % 5
        END AS table_no,
        get_byte(dice, 7 + segment) * 1000 + get_byte(dice, 10) AS rows_out
    FROM standin.child, shape
    WHERE segment < 2 OR child_no = 2
)
SELECT placed.*, table_id, CASE
        WHEN table_no IS NOT NULL AND get_byte(dice, 11) < 8 THEN 'Very selective query filter:'
            || 'ratio=rows(' || rows_out || ')/rows_pre_user_filter(' || rows_out * 90 || ')=0.0111'
        WHEN table_no IS NOT NULL AND get_byte(dice, 11) < 12
            THEN 'Missing query planner statistics:' || repeat(' shop.orders, größe', 40)
        WHEN step_name = 'hashjoin' AND get_byte(dice, 11) BETWEEN 10 AND 16
            THEN 'Nested Loop Join in the query plan'
    END AS alert
FROM placed LEFT JOIN standin.logged_table ON no = table_no;
