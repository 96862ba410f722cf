"""The guard: what passes as one SELECT, and where a text is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.infrastructure.sql_guard import check_sql, single_statement


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select a::int, 10 % 3, 'it''s; ok' FROM t WHERE ts >= :low AND ts < :high;",
        "WITH a AS (SELECT 1) SELECT * FROM a -- done; really",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "/* why; */ SELECT $$a;b$$, \"x;y\", 'a\\';' ;; -- end",
        'SELECT TOP 5 approximate count(distinct x), "update", deleted FROM stl_delete',
        "SELECT LISTAGG(x, ',') WITHIN GROUP (ORDER BY y) FROM t",
        "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c) = 1",
        "SELECT dateadd(day, -7, getdate()), json_extract_path_text(j, 'a') FROM t",
    ],
)
def test_one_select_passes_without_a_word(sql):
    assert check_sql(sql) == []


@pytest.mark.parametrize(
    ("sql", "place", "words"),
    [
        ("", (1, 1), "the SQL is empty"),
        ("-- nothing", (1, 1), "the SQL is empty"),
        (";", (1, 1), "expected one SELECT"),
        ("SELECT 'abc", (1, 8), "' is opened here and never closed"),
        ("SELECT 'it''s'\n  /* abc", (2, 3), "/* is opened here and never closed"),
        ("SELECT 'a', 'b''c", (1, 13), "' is opened here and never closed"),
        ("SELECT '/*' -- \"\n, \"x", (2, 3), '" is opened here and never closed'),
        ("SELECT $$a", (1, 8), "$$ is opened here and never closed"),
        ("SELECT /* /* */ 1", (1, 1), "is a quote or a comment not closed?"),
        ("\n  DROP TABLE t", (2, 3), "not DROP"),
        ("DELETE FROM t", (1, 1), "not DELETE"),
        ("CALL p()", (1, 1), "not CALL"),
        ("COPY t FROM 's3://x'", (1, 1), "not COPY"),
        ("UNLOAD ('SELECT 1') TO 's3://x'", (1, 1), "not UNLOAD"),
        ("EXPLAIN SELECT 1", (1, 1), "not EXPLAIN"),
        ("SHOW TABLES", (1, 1), "not SHOW"),
        ("BEGIN", (1, 1), "not BEGIN"),
        ("SELECT 'é', 1;\nSELECT 2", (2, 1), "a second statement"),
        ("SELECT 1; ; DROP TABLE t", (1, 13), "a second statement"),
        ("SELECT é\nINTO x FROM t", (2, 1), "INTO is not allowed"),
        ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", (1, 12), "DELETE"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", (1, 22), "INSERT"),
        ("WITH a AS (UPDATE t SET x = 1 RETURNING *) SELECT 1", (1, 12), "UPDATE"),
        ("WITH a AS (SELECT 1) CREATE TABLE x AS SELECT 1", (1, 22), "CREATE is not allowed"),
        ("(SELECT 1) + 1", (1, 1), "not an expression"),
        ("SELECT 1 FROM t FOR UPDATE", (1, 17), "FOR is not allowed"),
        ("SELECT 1 FROM t WHERE a = = 1 INTO x", (1, 31), "INTO is not allowed"),
    ],
)
def test_what_is_not_one_reading_statement_is_refused_at_its_place(sql, place, words):
    problem = check_sql(sql)[0]

    assert (problem.line, problem.column) == place
    assert words in problem.message
    assert not problem.is_warning


@pytest.mark.parametrize("sql", ["SELECT a\nFROM t WHERE a = = 1", "SELECT " + "(" * 5000])
def test_sql_that_the_parser_does_not_know_passes_with_a_warning(sql):
    problems = check_sql(sql)

    assert [problem.is_warning for problem in problems] == [True]
    assert "unknown syntax" in problems[0].message


def test_a_warning_tells_where_the_check_ends():
    problem = check_sql("SELECT a,\nb FROM WHERE foo bar baz")[0]

    assert (problem.line, problem.column) == (2, 8)


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 'é;' ; -- done;", "SELECT 'é;' "),
        ("SELECT ';' -- ;\n", "SELECT ';' -- ;\n"),
    ],
)
def test_a_statement_is_cut_only_at_its_closing_semicolon(sql, statement):
    assert single_statement(sql) == statement


def test_the_parser_is_not_heard(caplog):
    check_sql("WITH a AS (CALL p()) SELECT 1")
    check_sql("SELECT 1 FROM t WITH NO SCHEMA BINDING")

    assert caplog.records == []


@given(st.text(st.sampled_from("SELECTINTO ;'\"-$/*():%\\\nab1é")))
def test_any_text_gets_an_answer(text):
    for problem in check_sql(text):
        assert problem.line >= 1
        assert problem.column >= 1
