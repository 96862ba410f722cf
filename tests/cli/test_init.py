"""`qupersync init`: what a newcomer finds, that it works, and that nothing is overwritten."""

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import Flavor, build_warehouse
from tests.cli.shell import Done, Shell, variables

TOP = Path(__file__).parents[2]
FILES = ["jobs.yaml", ".env", ".env.example", ".gitignore", "crontab.example"]


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    return Shell(folder=tmp_path)


def test_the_first_files_are_written_and_the_next_commands_named(empty: Shell):
    shop = empty.folder / "the shop"

    done = empty.type("init", str(shop))

    names = [*FILES, "schema/jobs.v1.json"]
    assert done == Done(
        code=0,
        out="".join(f"{shop}/{name}\n" for name in names),
        err=f"Write into {shop}/.env where Redshift and PostgreSQL are, then type:\n"
        f"  cd '{shop}'\n  qupersync validate\n  qupersync doctor\n  qupersync db upgrade\n",
    )
    assert sorted(str(path.relative_to(shop)) for path in shop.rglob("*") if path.is_file()) == (
        sorted(names)
    )


def test_without_a_folder_the_files_are_written_here(empty: Shell):
    done = empty.execute("init")

    assert (done.code, done.out.splitlines()[0]) == (0, "jobs.yaml")
    assert "cd " not in done.err
    assert (empty.folder / "jobs.yaml").is_file()


def test_the_secrets_to_come_are_for_their_owner_alone_and_not_for_git(empty: Shell):
    empty.execute("init")

    assert (empty.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert (empty.folder / ".gitignore").read_text() == ".env\n"
    assert (empty.folder / ".env.example").stat().st_mode & 0o777 == 0o644


def test_an_editor_finds_the_schema_that_the_jobs_file_names(empty: Shell):
    empty.execute("init")

    first = (empty.folder / "jobs.yaml").read_text().splitlines()[0]
    schema = empty.folder / first.removeprefix("# yaml-language-server: $schema=")

    assert schema.read_text() == (TOP / "schema" / "jobs.v1.json").read_text()


@pytest.mark.parametrize("there", [["jobs.yaml"], [".env", "schema/jobs.v1.json"]])
def test_nothing_is_overwritten_and_everything_in_the_way_is_named(empty: Shell, there: list[str]):
    for name in there:
        (empty.folder / name).parent.mkdir(exist_ok=True)
        (empty.folder / name).write_text("mine")

    done = empty.execute("init")

    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"error: already there: {', '.join(there)}; nothing was written"
        " -> move them away, or take another folder: qupersync init FOLDER\n"
    )
    assert [path.read_text() for path in empty.folder.rglob("*") if path.is_file()] == (
        ["mine"] * len(there)
    )


def test_a_link_to_nowhere_is_in_the_way_too(empty: Shell):
    (empty.folder / ".env").symlink_to("nowhere")

    assert "already there: .env;" in empty.execute("init").err


def test_a_folder_that_cannot_be_made_is_one_line(empty: Shell):
    (empty.folder / "file").touch()

    done = empty.execute("init", "file/shop")

    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert "file/shop cannot be written: Not a directory" in done.err


def test_what_was_written_goes_away_when_the_rest_cannot_be(empty: Shell):
    (empty.folder / "schema").touch()

    done = empty.execute("init")

    assert done.code == 3
    assert [path.name for path in empty.folder.iterdir()] == ["schema"]


def test_all_jobs_about_redshift_itself_are_written_when_asked_for(empty: Shell):
    empty.execute("init", "--built-in")

    assert (empty.folder / "jobs.yaml").read_text() == (TOP / "jobs.yaml").read_text()
    assert (empty.folder / "jobs.yaml").stat().st_mode & 0o777 == 0o644
    assert empty.execute("validate").out == "jobs.yaml: 8 jobs, no problem\n"


def test_the_jobs_to_make_ones_own_are_right_when_the_signs_are_taken_away(empty: Shell):
    empty.execute("init")
    jobs = empty.folder / "jobs.yaml"
    head, _, asleep = jobs.read_text().partition("  # orders:")

    jobs.write_text(head + re.sub("(?m)^  # ", "  ", "  # orders:" + asleep))

    assert empty.execute("validate").out == "jobs.yaml: 3 jobs, no problem\n"


@pytest.mark.parametrize("flavor", ["provisioned", "serverless"])
def test_the_commands_that_are_named_lead_to_rows(
    empty: Shell, server: PostgresAddress, empty_database: str, target: str, flavor: Flavor
):
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor=flavor, rows=100, now=datetime.now(UTC))  # noqa: TID251
    empty.execute("init")
    with StandIn(upstream=server) as stand_in:
        known = variables(stand_in, empty_database, target) | {"REDSHIFT_FLAVOR": "auto"}
        written = "".join(f"{name}={value}\n" for name, value in known.items())
        (empty.folder / ".env").write_text(written)
        codes = [
            empty.execute(*command.split()).code
            for command in ("validate", "doctor", "db upgrade", "run --all")
        ]

    with psycopg.connect(target) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM quper.query_history").fetchall()
    assert (codes, count > 0) == ([0, 0, 0, 0], True)


def test_at_a_terminal_a_good_jobs_file_leads_to_the_next_command(empty: Shell):
    empty.execute("init")

    assert empty.on_a_terminal("validate", columns=80).splitlines() == [
        "jobs.yaml: 1 job, no problem",
        "next: qupersync doctor",
    ]
    assert empty.execute("validate").err == ""
