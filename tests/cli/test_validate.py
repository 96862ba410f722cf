"""`qupersync validate`: each problem with its place, its line and a mark under the word."""

import pytest

from tests.cli.shell import JOBS, Shell

LAST = "error: 1 problem, nothing was run -> repair the lines named, then: qupersync validate"
BOTH = "    sql: SELECT id, name FROM items"


def said(shell: Shell, jobs: str) -> str:
    shell.write_jobs(jobs)
    done = shell.type("validate")
    assert (done.code, done.out) == (3, "")
    return done.err.replace(f"{shell.folder}/", "").removesuffix(f"{LAST}\n")


def test_a_misspelt_field_is_shown_with_its_line_and_a_mark(shell: Shell):
    assert said(shell, JOBS.replace("    tags:", "    tagz:")) == (
        "jobs.yaml:4:5: jobs.items.tagz: unknown field, did you mean 'tags'?\n"
        "4 |     tagz: [things]\n"
        "  |     ^^^^\n"
    )


@pytest.mark.parametrize(
    ("sql", "place", "line", "mark"),
    [
        ("sql: |\n      SELECT 1;\n      DROP x", "7:7", "      DROP x", "      ^^^^"),
        ("sql: >\n      SELECT 1;\n      DROP x", "7:7", "      DROP x", "      ^^^^"),
        ("sql: SELECT 1;\n      DROP x", "6:7", "      DROP x", "      ^^^^"),
        ("sql: 'SELECT ''a''; @'", "5:25", "    sql: 'SELECT ''a''; @'", " " * 24 + "^"),
        ('sql: |\n      SELECT 1,\n        "a', "7:9", '        "a', "        ^"),
    ],
)
def test_a_mistake_of_the_sql_is_shown_where_the_file_has_it(
    shell: Shell, sql: str, place: str, line: str, mark: str
):
    problem, *shown = said(shell, JOBS.replace(BOTH, f"    {sql}")).splitlines()

    assert problem.startswith(f"jobs.yaml:{place}: jobs.items.sql: ")
    assert shown == [f"{place[0]} | {line}", f"  | {mark}"]


def test_a_mistake_of_an_sql_file_is_shown_from_that_file(shell: Shell):
    (shell.folder / "items.sql").write_text("SELECT 1;\n\tDROP x\n")

    assert said(shell, JOBS.replace(BOTH, "    sql_file: items.sql")) == (
        "items.sql:2:2: jobs.items.sql: a second statement starts here; only one may\n"
        "2 | \\tDROP x\n"
        "  |   ^^^^\n"
    )


def test_the_mark_stands_right_under_wide_characters(shell: Shell):
    assert said(shell, JOBS.replace("[things]", "{表: 1}")).splitlines()[1:] == [
        "4 |     tags: {表: 1}",
        "  |           ^",
    ]
    assert said(shell, JOBS.replace("tags: [things]", "tags: [表, 5]")).splitlines()[1:] == [
        "4 |     tags: [表, 5]",
        "  |                ^",
    ]


def test_of_a_very_long_line_the_part_around_the_mark_is_shown(shell: Shell):
    words = ", ".join(["a word"] * 1_000)

    problem, line, mark = said(shell, JOBS.replace("things", f"{words}, 5, {words}")).splitlines()

    assert problem.endswith("expected a text")
    assert len(line) < 130
    assert line[mark.index("^")] == "5"


def test_a_file_that_is_no_yaml_is_shown_too(shell: Shell):
    assert said(shell, "jobs:\n  a: [1\n b: 2\n").splitlines()[1:] == ["3 |  b: 2", "  |   ^"]


def test_a_key_cannot_break_the_line_of_its_problem(shell: Shell):
    text = said(shell, JOBS.replace("    tags:", '    "a\\nb":'))

    assert text.splitlines()[0] == "jobs.yaml:4:5: jobs.items.a\\nb: unknown field"


def test_a_warning_is_shown_with_its_line(shell: Shell):
    shell.write_jobs(JOBS.replace("SELECT id, name FROM items", "SELECT id name FROM WHERE"))

    done = shell.type("validate")

    assert done.code == 0
    assert done.err.splitlines()[1:] == [
        "5 |     sql: SELECT id name FROM WHERE",
        "  |                              ^^^^^",
    ]


def test_a_program_reads_problems_as_records_and_still_gets_exit_3(shell: Shell):
    shell.write_jobs(JOBS.replace("    tags:", "    tagz:"))

    done = shell.type("validate", "-o", "json")

    assert (done.code, done.err) == (3, "")
    assert done.document == [
        {
            "file": f"{shell.folder}/jobs.yaml",
            "line": 4,
            "column": 5,
            "severity": "error",
            "message": "jobs.items.tagz: unknown field, did you mean 'tags'?",
        }
    ]


def test_a_program_reads_warnings_too(shell: Shell):
    shell.write_jobs(JOBS.replace("SELECT id, name FROM items", "SELECT id name FROM WHERE"))

    done = shell.type("validate", "-o", "json")

    assert (done.code, done.err) == (0, "")
    assert [problem["severity"] for problem in done.document] == ["warning"]


def test_for_a_program_no_problem_is_no_record(shell: Shell):
    assert shell.type("validate", "-o", "json").document == []
    assert shell.type("validate", "-o", "tsv").out == ""


def test_a_missing_jobs_file_is_the_same_error_for_programs(shell: Shell):
    done = shell.type("-f", "/nowhere/jobs.yaml", "validate", "-o", "json")

    assert (done.code, done.out) == (3, "")
    assert "no jobs file" in done.err
