"""The documents tell the truth: what they show is what the program does."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.domain import column_rules, errors
from qupersync.infrastructure.postgres import staging
from qupersync.interface.exit_codes import ExitCode

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text()
ERRORS = (TOP / "docs" / "errors.md").read_text()
ORDERS = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint, status varchar(20), total numeric(12,2), updated_at timestamp);
INSERT INTO shop.orders VALUES (1, 'paid', 9.99, now() AT TIME ZONE 'UTC' - interval '1 day');
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS $$ SELECT now() AT TIME ZONE 'UTC' $$;
"""


def classes(root: type[errors.QuperSyncError]) -> Iterator[type[errors.QuperSyncError]]:
    for child in root.__subclasses__():
        yield child
        yield from classes(child)


def error_table() -> str:
    known = {kind.code: kind for kind in classes(errors.QuperSyncError)}
    known.pop("unavailable")  # what the next two have in common
    lines = ["| code | retry | what it means | what to do |", "|---|---|---|---|"]
    for code, kind in sorted(known.items()):
        meaning = (kind.__doc__ or "").splitlines()[0]
        retry = "yes" if kind.retryable else "no"
        lines.append(f"| `{code}` | {retry} | {meaning} | {kind.hint} |")
    return "\n".join(lines)


def test_the_table_of_errors_is_the_programs():
    table = re.search(r"<!-- errors -->\n(.*)\n<!-- /errors -->", ERRORS, re.DOTALL)

    assert table is not None
    assert table[1].strip() == error_table()


def test_every_error_says_what_to_do():
    assert [kind.code for kind in classes(errors.QuperSyncError) if not kind.hint] == [
        "unavailable"
    ]


def test_every_reason_of_a_reject_is_explained():
    source = "".join(Path(str(module.__file__)).read_text() for module in (staging, column_rules))
    reasons = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', source)) - {"target-text-v1"}

    assert reasons
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in ERRORS] == []


def test_the_readme_names_every_exit_code():
    table = re.findall(r"^\| ([0-9, ]+) \|", README, re.MULTILINE)
    told = {int(code) for row in table for code in row.split(",")}

    assert told == {*map(int, ExitCode), 130, 143}


def test_the_readmes_job_is_ten_lines_long():
    assert len(block("yaml").splitlines()) == 10


def test_the_readmes_commands_do_what_it_shows(
    server: PostgresAddress, empty_database: str, target: str, tmp_path: Path
):
    (tmp_path / "jobs.yaml").write_text(block("yaml"))
    with psycopg.connect(empty_database) as connection:
        connection.execute(ORDERS.encode())
    with StandIn(upstream=server) as stand_in:
        environ = environment(stand_in, empty_database, target)
        for command, shown in commands():
            done = qupersync(tmp_path, environ, *command.split())
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith(shown)
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT id, total::text FROM quper.orders").fetchall() == [
            (1, "9.99")
        ]


def test_the_readmes_grants_are_enough_to_run(
    server: PostgresAddress, empty_database: str, target: str, tmp_path: Path
):
    (tmp_path / "jobs.yaml").write_text(block("yaml"))
    with psycopg.connect(empty_database) as connection:
        connection.execute(ORDERS.encode())
    role = f"sync_{conninfo_to_dict(target)['dbname']}"  # roles belong to the whole server
    grants = block("sql", after="<!-- grants -->").replace("qupersync", role)
    least = make_conninfo(target, user=role, password="change-me")
    try:
        with StandIn(upstream=server) as stand_in:
            owner = environment(stand_in, empty_database, target)
            assert qupersync(tmp_path, owner, "db", "create", "orders").returncode == 0
            with psycopg.connect(target) as connection:
                connection.execute(grants.encode())
            done = qupersync(
                tmp_path, environment(stand_in, empty_database, least), "run", "--all", "-q"
            )
            assert (done.returncode, done.stderr) == (0, "")
    finally:
        with psycopg.connect(target) as connection:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def qupersync(
    folder: Path, environ: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qupersync", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_readme_shows_what_the_demo_says_on_a_terminal():
    shown = [like(line) for line in block("text", after="<!-- demo -->").splitlines()]

    seen = {like(line) for line in on_a_terminal(sys.executable, "-m", "qupersync", "demo")}

    assert [line for line in shown if line not in {"", "..."} | seen] == []


def like(line: str) -> str:
    """A line without what differs from run to run: numbers, units, colors and gaps."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    plain = re.sub(r"\d[\d.,:-]*( (ms|s|m|d|h)\b)*", "0", plain)
    return " ".join(re.sub(r"\b0( 0)*\b", "0", plain).split())


def on_a_terminal(*command: str) -> list[str]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how Linux tells the end of a terminal
        while part := os.read(ours, 65_536):
            written += part
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode().splitlines()


@pytest.mark.parametrize("name", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_the_readmes_links_lead_somewhere(name: str):
    assert (TOP / name).exists()


def block(language: str, *, after: str = "") -> str:
    text = README[README.index(after) :]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def commands() -> list[tuple[str, str]]:
    parts = re.split(r"^\$ qupersync ", block("console"), flags=re.MULTILINE)[1:]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


def environment(stand_in: StandIn, source: str, target: str) -> dict[str, str]:
    at = conninfo_to_dict(target)
    return {
        "REDSHIFT_HOST": stand_in.host,
        "REDSHIFT_PORT": str(stand_in.port),
        "REDSHIFT_DB": str(conninfo_to_dict(source)["dbname"]),
        "REDSHIFT_USER": stand_in.user,
        "REDSHIFT_PASSWORD": stand_in.password,
        "REDSHIFT_SSLMODE": "disable",
        "POSTGRES_HOST": str(at["host"]),
        "POSTGRES_PORT": str(at["port"]),
        "POSTGRES_DB": str(at["dbname"]),
        "POSTGRES_USER": str(at["user"]),
        "POSTGRES_PASSWORD": str(at.get("password") or ""),
    }
