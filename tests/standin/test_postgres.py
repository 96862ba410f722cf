"""The throw-away PostgreSQL comes up wherever it is asked to, and leaves no trace."""

import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres


@pytest.fixture(params=["short", "with a space", "long" * 30], ids=["short", "space", "long"])
def folder(request, tmp_path_factory):
    # pytest's own folder is too long already for the plain case.
    with tempfile.TemporaryDirectory() as root:
        made = Path(root, request.param)
        made.mkdir()
        yield made


def test_it_runs_below_any_folder_and_leaves_no_trace(folder):
    with throwaway_postgres(folder) as address:
        connection = psycopg.connect(address.conninfo("postgres"))
        setting = connection.execute("SELECT current_setting('data_directory')").fetchall()[0][0]

    assert Path(setting).is_relative_to(folder) == (folder.name == "short")
    assert not Path(setting).parent.exists()
    assert list(folder.iterdir()) == []
    with closing(connection), pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_it_does_not_wait_for_the_disk():
    with (
        throwaway_postgres() as address,
        psycopg.connect(address.conninfo("postgres")) as connection,
    ):
        settings = "SELECT setting FROM pg_settings WHERE name = ANY (%s)"
        names = ["fsync", "full_page_writes", "synchronous_commit"]
        assert connection.execute(settings, (names,)).fetchall() == [("off",)] * 3


def test_an_address_is_read_from_a_uri():
    address = PostgresAddress.from_uri("postgresql://me:secret@db.example:5433/ignored")

    assert address == PostgresAddress(
        host="db.example",
        port=5433,
        user="me",
        password="secret",
    )
    assert "secret" not in repr(address)
    assert conninfo_to_dict(address.conninfo("x"))["dbname"] == "x"
