"""jobs.yaml: what a good file becomes, and where each mistake of a bad one is reported."""

from contextlib import suppress
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.domain.allowance import Allowance
from qupersync.domain.errors import ConfigError
from qupersync.domain.job import Flavor
from qupersync.infrastructure.jobs_file import load_jobs
from qupersync.infrastructure.written_text import WrittenText
from qupersync.infrastructure.yaml_positions import read_yaml

JOB = """\
target: quper.events
mode: snapshot
key: [id]
"""
SQL = "sql: SELECT id FROM t\n"


def a_file(*jobs, head="version: 1\njobs:\n"):
    return head + "".join(
        f"  {name}:\n{indent(text, '    ')}" for name, text in zip("abcdef", jobs, strict=False)
    )


@pytest.fixture
def load(tmp_path):
    def write(text):
        path = tmp_path / "jobs.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_jobs(path)

    return write


@pytest.fixture
def complaints(load, tmp_path):
    def failing(text):
        with pytest.raises(ConfigError) as caught:
            load(text)
        return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]

    return failing


def test_a_file_becomes_its_jobs_in_order(load, tmp_path):
    text = """\
    # comment
    version: 1
    defaults: {batch_size: 1000, max_rejects: 1%}
    jobs:
      zebra:
        description: yes
        sql: |   # one SELECT
          SELECT b, a FROM t
          WHERE ts >= :low AND ts < :high;  -- done
        target: quper.zebra
        key: [b]
        watermark: {column: ts, initial: 2026-01-02, overlap: 1h}
        columns:
          b: bigint
          a: {type: text, from: no, null_if: ['', '-']}
          null: {type: bigint, default: 010}
          ts: timestamptz
        batch_size: 5
      ant:
        target: '"Ant"'
        mode: snapshot
        key: [b]
        sql: {serverless: SELECT 1 AS b}
    """

    file = load(dedent(text))
    zebra, ant = file.jobs

    assert (file.path, file.warnings) == (tmp_path / "jobs.yaml", ())
    assert (zebra.name, ant.name) == ("zebra", "ant")
    assert zebra.sql == "SELECT b, a FROM t\nWHERE ts >= :low AND ts < :high"
    assert list(zebra.columns) == ["b", "a", "null", "ts"]
    assert (zebra.columns["a"].source, zebra.columns["null"].default) == ("no", 10)
    assert (zebra.description, zebra.batch_size, ant.batch_size) == ("yes", 5, 1000)
    assert ant.max_rejects == Allowance(share=0.01)
    assert ant.sql_for(Flavor.PROVISIONED) is None


def test_the_jobs_of_one_file_keep_their_defaults_apart(load):
    file = load(a_file(JOB + SQL, head="version: 1\ndefaults:\njobs:\n"))

    assert file.jobs[0].batch_size is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: expected a mapping with version and jobs"),
        ("- a", "1:1: expected a mapping with version and jobs"),
        ("a: [1", "1:6: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n---\nb: 2", "2:1: not valid YAML: but found another document"),
        ("a: \x01", "1:1: not valid YAML: unacceptable character #x0001: special characters"),
        ("&a [*a]", "1:1: nested too deep, or a mapping that contains itself"),
        ("[" * 5000, "1:1: nested too deep, or a mapping that contains itself"),
        (b"a: \xff", "it is no UTF-8"),
        ("#" * 1_000_001, "it is larger than 1 MB"),
        ("version: 1\njobs: {}", "2:7: jobs: must not be empty"),
        ("version: 1\njobs:", "jobs: expected a mapping"),
        ("version: 1\njobs: {a: 5}", "2:11: jobs.a: expected a mapping"),
        (a_file(JOB + SQL, head="jobs:\n"), "1:1: version: missing"),
        (a_file(JOB + SQL, head="version: 2\njobs:\n"), "1:10: version: expected 1"),
        (
            a_file(JOB + SQL, head="vesion: 1\njobs:\n"),
            "1:1: vesion: unknown field, did you mean 'version'?",
        ),
        (a_file(JOB + SQL, head="version: !x 1\njobs:\n"), "1:10: the tag !x is not allowed"),
    ],
)
def test_a_file_that_is_no_jobs_file_has_one_problem_with_its_place(complaints, text, problem):
    assert problem in complaints(text)[0]


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match=r"jobs\.yaml cannot be read: No such file"):
        load_jobs(tmp_path / "jobs.yaml")


def test_aliases_cannot_blow_a_file_up(complaints):
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert complaints("\n".join(bomb)) == [
        "jobs.yaml:1:1: nested too deep, or a mapping that contains itself"
    ]


def test_an_alias_may_be_used(load):
    shared = JOB.replace("key: [id]", "key: &key [id]")
    other = "target: other\nmode: snapshot\nkey: *key\n"

    assert load(a_file(shared + SQL, other + SQL)).jobs[1].key == ("id",)


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ("targt: x\n" + SQL + "mode: snapshot\nkey: [id]\n", "4:5: jobs.a.targt: unknown field"),
        (JOB + SQL + "name: other\n", "8:5: jobs.a.name: unknown field; the key is the name"),
        (JOB + SQL + "key: [b]\n", "8:5: 'key' stands here again; first in line 6"),
        (JOB + SQL + "? [a]\n: 1\n", "8:7: a key must be a text"),
        (JOB + "sql: [1]\n", "7:10: jobs.a.sql: expected a text or a mapping"),
        (JOB + "sql: {server: SELECT 1}\n", "7:11: jobs.a.sql.server: unknown field"),
        (JOB + SQL + "load: fast\n", "8:11: jobs.a.load: expected 'auto', 'copy' or 'executemany'"),
        (JOB + SQL + "batch_size: yes\n", "8:17: jobs.a.batch_size: expected a whole number"),
        (JOB + SQL + "tags: a\n", "8:11: jobs.a.tags: expected a list"),
        (JOB + SQL + "tags: [a, 1]\n", "8:15: jobs.a.tags.1: expected a text"),
        (JOB + SQL + "delete_missing: 5\n", "jobs.a.delete_missing: expected true or false"),
        (JOB + SQL + "columns: {id: 5}\n", "8:19: jobs.a.columns.id: expected a mapping"),
        (JOB + SQL + "columns: {id: bigintt}\n", "8:19: jobs.a.columns.id: unknown type 'bigintt'"),
        (
            JOB + SQL + "columns: {id: {type: bigint, source: x}}\n",
            "8:34: jobs.a.columns.id.source: unknown field",
        ),
        (JOB + SQL + "columns: {id: {}}\n", "8:15: jobs.a.columns.id.type: missing"),
        (
            JOB + SQL + "columns: {id: {type: text, default: [1]}}\n",
            "8:41: jobs.a.columns.id.default: expected true or false or a whole number",
        ),
        (
            JOB + SQL + f"columns: {{id: text, {'x' * 64}: text}}\n",
            f"8:25: jobs.a.columns.{'x' * 64}: a name is at most 63 bytes",
        ),
        (JOB + "sql: DROP TABLE x\n", "7:10: jobs.a.sql: expected one SELECT (or WITH ... SELECT)"),
        (JOB + "sql: DROP TABLE :low\n", "7:10: jobs.a.sql: expected one SELECT"),
        (JOB + "sql: 'SELECT 1; SELECT 2'\n", "7:21: jobs.a.sql: a second statement"),
        (JOB + "sql: |\n  SELECT 1\n  ;\n\n  DROP x\n", "11:7: jobs.a.sql: a second statement"),
        (JOB + "sql: >\n  SELECT 1;\n  DROP x\n", "9:7: jobs.a.sql: a second statement"),
        (
            JOB + "sql:\n  serverless: |\n    SELECT 1;\n    x\n",
            "10:9: jobs.a.sql: a second statement",
        ),
        (JOB + "sql: SELECT :low\n", "7:10: jobs.a.sql: the SQL must not use :low"),
        ("target: x\nkey: [id]\nsql: SELECT :low, :high\n", "jobs.a.watermark: mode incremental"),
        (JOB, "3:3: jobs.a.sql: give either sql or sql_file"),
        (JOB + SQL + "sql_file: a.sql\n", "7:10: jobs.a.sql: give either sql or sql_file"),
        (
            JOB + "sql_file: ../a.sql\n",
            "'../a.sql' cannot be read: it is not in the folder of this file",
        ),
        (JOB + "sql_file: /etc/passwd\n", "'/etc/passwd' cannot be read: it is not in the folder"),
        (JOB + "sql_file: a.sql\n", "7:15: jobs.a.sql_file: 'a.sql' cannot be read: No such file"),
        (
            JOB + 'sql_file: "a\\0"\n',
            "7:15: jobs.a.sql_file: 'a\\x00' cannot be read: ",
        ),
    ],
)
def test_one_mistake_is_one_problem_at_its_place(complaints, job, problem):
    found = complaints(a_file(job))

    assert len(found) == 1
    assert problem in found[0]


def test_a_misspelt_field_is_guessed_and_not_missing_too(complaints):
    watermark = "watermrak: {column: ts, initial: 7d, overlap: 0s}\n"
    job = "target: x\nkey: [id]\nsql: SELECT :low, :high\n"

    assert complaints(a_file(job + watermark)) == [
        "jobs.yaml:7:5: jobs.a.watermrak: unknown field, did you mean 'watermark'?"
    ]


@pytest.mark.parametrize(
    ("watermark", "problem"),
    [
        ("{column: ts, initial: 7d, overlap: 1h, lagg: 1s}", "lagg: unknown field, did you mean"),
        ("{column: ts, initial: 7d}", "jobs.a.watermark.overlap: missing"),
        ("{column: ts, initial: [1], overlap: 1h}", "initial: expected a duration"),
        (
            "{column: ts, initial: 7d, overlap: 1h, settled: {colum: s, values: [x]}}",
            "settled.colum: unknown field, did you mean 'column'?",
        ),
    ],
)
def test_a_mistake_deep_inside_is_found(complaints, watermark, problem):
    job = f"target: x\nkey: [id]\nsql: SELECT :low, :high\nwatermark: {watermark}\n"
    found = complaints(a_file(job))

    assert len(found) == 1
    assert problem in found[0]


def test_all_mistakes_of_a_file_are_told_in_its_order(complaints):
    text = a_file(
        JOB + "sql: DROP TABLE x\nload: fast\n",
        JOB + SQL,
        "key: [id]\nmode: snapshot\n" + SQL,
        head="version: 1\ndefaults: {timeout: 5, name: x}\njobs:\n",
    )

    assert [line.split(" ")[:2] for line in complaints(text)] == [
        ["jobs.yaml:2:21:", "defaults.timeout:"],
        ["jobs.yaml:2:24:", "defaults.name:"],
        ["jobs.yaml:8:10:", "jobs.a.sql:"],
        ["jobs.yaml:9:11:", "jobs.a.load:"],
        ["jobs.yaml:11:13:", "jobs.b.target:"],
        ["jobs.yaml:15:3:", "jobs.c.target:"],
    ]


def test_a_job_is_named_by_small_letters(complaints):
    text = a_file(JOB + SQL).replace("  a:", "  A-b:")

    assert complaints(text) == [
        "jobs.yaml:3:3: jobs.A-b: expected a name of small letters, digits and _, at most 63 long"
    ]


def test_two_jobs_cannot_load_one_target(complaints):
    other = JOB.replace("quper.events", "quper.EVENTS")

    assert complaints(a_file(JOB + SQL, other + SQL)) == [
        "jobs.yaml:9:13: jobs.b.target: job a already loads quper.events"
    ]


def test_sql_may_stand_in_a_file_of_its_own(load, tmp_path):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "a.sql").write_text("SELECT 1;\n-- end\n", encoding="utf-8-sig")

    assert load(a_file(JOB + "sql_file: sql/a.sql\n")).jobs[0].sql == "SELECT 1"


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT 1;\n  DROP x", "a.sql:2:3: jobs.a.sql: a second statement starts here"),
        ("SELECT :low", "jobs.yaml:7:15: jobs.a.sql: the SQL must not use :low"),
        ("x" * 1_000_001, "jobs.yaml:7:15: jobs.a.sql_file: 'a.sql' cannot be read: it is larger"),
    ],
)
def test_a_mistake_in_an_sql_file_has_its_place_there(complaints, tmp_path, sql, problem):
    (tmp_path / "a.sql").write_text(sql)

    found = complaints(a_file(JOB + "sql_file: a.sql\n"))

    assert len(found) == 1
    assert problem in found[0]


def test_an_sql_file_cannot_leave_its_folder_by_a_link(complaints, tmp_path):
    (tmp_path / "a.sql").symlink_to("/etc/passwd")

    assert "it is not in the folder" in complaints(a_file(JOB + "sql_file: a.sql\n"))[0]


def test_an_sql_file_cannot_be_a_circle_of_links(complaints, tmp_path):
    (tmp_path / "a.sql").symlink_to("a.sql")

    assert "'a.sql' cannot be read" in complaints(a_file(JOB + "sql_file: a.sql\n"))[0]


def test_unknown_syntax_is_a_warning_with_its_place(load):
    file = load(a_file(JOB + "sql: |\n  SELECT 1\n  WHERE a = = 1\n"))

    assert [(w.line, w.column) for w in file.warnings] == [(9, 17)]


@given(st.text(st.sampled_from("ab: -[]{},&*!|>'\"#%?\n\t~1é\x00")))
def test_any_text_is_data_or_a_problem(text):
    with suppress(ConfigError):
        document = read_yaml(WrittenText("jobs.yaml", text))

        assert () in document.places or document.data is None


def test_a_mistake_in_one_column_hides_none_elsewhere(tmp_path: Path):
    path = tmp_path / "jobs.yaml"
    path.write_text(
        "version: 1\njobs:\n  a:\n    sql: SELECT :low, :high\n    target: a\n    key: [zz]\n"
        "    columns: {id: int, t: timestamptz}\n"
        "    watermark: {column: tt, initial: 1d, overlap: 1h}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load_jobs(path)

    assert [problem.line for problem in caught.value.problems] == [6, 7, 8]
