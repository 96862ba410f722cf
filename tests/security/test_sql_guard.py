"""What a job's SQL can do: read, in one statement; the guard says so early, the servers hold it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.query import bound, placeholders
from qupersync.domain.watermark import Window
from qupersync.infrastructure.sql_guard import check_sql, single_statement
from tests.cli.shell import Shell
from tests.pipeline.rig import NOON, Rig, a_snapshot

TWO = "a second statement starts here"
INJECTIONS = [
    ("SELECT 1; DROP TABLE t", 11, TWO),
    ("SELECT 1;/**/DELETE FROM t", 14, TWO),
    ("/*;*/ SELECT 1; COMMIT", 17, TWO),
    ("SELECT /*/* x */ 1; DROP TABLE t --*/", 21, TWO),
    ("SELECT 'a' ';' ; DROP TABLE t", 18, TWO),
    ("SELECT $$;$$; DROP TABLE t", 15, TWO),
    ("(SELECT 1); TRUNCATE t", 13, TWO),
    ("SELECT 1; UNLOAD ('SELECT 1') TO 's3://b'", 11, TWO),
    ("SELECT 1\0; DROP TABLE t", 12, TWO),
    ("COPY t FROM 's3://x'", 1, "not COPY"),
    ("UNLOAD ('SELECT 1') TO 's3://b'", 1, "not UNLOAD"),
    ("VALUES (1)", 1, "not VALUES"),
    ("TABLE t", 1, "not TABLE"),
    ("SET search_path TO x", 1, "not SET"),
    ("EXPLAIN ANALYZE DELETE FROM t", 1, "not EXPLAIN"),
    ("PREPARE p AS SELECT 1", 1, "not PREPARE"),
    ("EXECUTE p", 1, "not EXECUTE"),
    ("DO $$BEGIN END$$", 1, "not DO"),
    ("LOCK t", 1, "not LOCK"),
    ("DECLARE c CURSOR FOR SELECT 1", 1, "not DECLARE"),
    ("ABORT", 1, "not ABORT"),
    ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", 1, "not MERGE"),
    ("WITH d AS (SELECT 1) DELETE FROM t", 22, "DELETE is not allowed"),
    ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", 12, "DELETE is not allowed"),
    ("WITH RECURSIVE d AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT 1", 22, "INSERT is not"),
    ("SELECT (WITH d AS (UPDATE t SET a=1 RETURNING a) SELECT a FROM d)", 20, "UPDATE is not"),
    ("SELECT * INTO x FROM t", 10, "INTO is not allowed"),
    ("SELECT 1 UNION SELECT * INTO TEMP x FROM t", 25, "INTO is not allowed"),
    ("SELECT * FROM t FOR SHARE", 17, "FOR is not allowed"),
]
LEGAL = [
    "SELECT ';DROP TABLE t'",
    'SELECT "a;b", "into", "delete" FROM "drop table"',
    "SELECT '/*' AS a, '*/; DROP TABLE t' AS b",
    "SELECT 1 /* ; */ -- ; DROP TABLE t\n",
    "SELECT 'it''s -- no comment', $$ ; DELETE $$ FROM t;",
    "SELECT update_time, deleted, copy, unload FROM stl_delete",
]
# What the guard cannot know: it is the servers who refuse these.
BEYOND_THE_GUARD = [
    ("SELECT nextval('traces') AS id", "read-only"),
    ("SELECT setval('traces', 7) AS id", "read-only"),
    (r"SELECT 1 AS id, 'x\'; COMMIT; DROP TABLE items; --'", "multiple commands"),
    ("SELECT id FROM items_of_others", "permission denied"),
    ("SELECT pg_reload_conf() AS id", "permission denied"),
    ("SELECT pg_read_file('/etc/passwd') AS id", "permission denied"),
    ("WITH d AS (DELETE FROM items RETURNING id) SELECT id FROM d", "data-modifying"),
]


@pytest.mark.parametrize(("sql", "column", "words"), INJECTIONS)
def test_an_injection_is_refused_at_its_place(sql: str, column: int, words: str):
    problem = check_sql(sql)[0]

    assert (problem.line, problem.column, problem.is_warning) == (1, column, False)
    assert words in problem.message


@pytest.mark.parametrize("sql", LEGAL)
def test_a_query_that_only_looks_like_one_passes(sql: str):
    assert check_sql(sql) == []


@pytest.mark.parametrize("sql", [sql for sql, _, _ in INJECTIONS])
def test_the_program_runs_no_injection(shell: Shell, sql: str):
    (shell.folder / "a.sql").write_text(sql)
    shell.write_jobs(
        "version: 1\njobs: {a: {sql_file: a.sql, target: a.b, key: [id], mode: snapshot}}\n"
    )

    done = shell.type("run", "a", REDSHIFT_HOST="x", POSTGRES_HOST="x")

    assert (done.code, done.out) == (3, "")
    assert "a.sql:1:" in done.err


@pytest.mark.parametrize(("sql", "words"), BEYOND_THE_GUARD)
def test_what_the_guard_cannot_know_the_servers_refuse(items: Rig, sql: str, words: str):
    items.at_source(
        "INSERT INTO items VALUES (1)",
        "CREATE SEQUENCE traces",
        "GRANT ALL ON SEQUENCE traces TO qupersync",
        "CREATE TABLE items_of_others (id int)",
        "REVOKE ALL ON items_of_others FROM qupersync",
        "GRANT DELETE ON items TO qupersync",
    )

    run = items.run(a_snapshot(sql=sql))

    assert run.error_code in {"query-failed", "permission-denied"}, run.error
    assert words in run.error
    assert items.source_rows("SELECT count(*), is_called FROM items, traces GROUP BY 2") == [
        (1, False)
    ]


@given(st.text(st.sampled_from(":lowhighSELECT'\"$-/*();\\\n :é")))
def test_a_window_is_put_only_where_a_placeholder_is(text: str):
    filled = bound(text, Window(NOON, NOON))

    assert (filled != text) == bool(placeholders(text))
    assert placeholders(f"'{text.replace(chr(39), '').replace(chr(92), '')}'") == frozenset()


@given(st.text() | st.text(st.sampled_from("WITHSELECT INTOFORUPDATE;'\"$-/*():%\\\n\0é")))
def test_any_text_is_judged_and_what_passes_is_one_statement(sql: str):
    if not check_sql(sql):
        assert check_sql(single_statement(sql)) == []
