"""A pooler, a wrong clock, a half-open connection, a long lock and a full disk cost no row."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.faults.messages import commit_of_batch
from tests.faults.paths import on_both_paths
from tests.faults.proxy import End, Trap
from tests.faults.site import EXPIRE, JOBS, LIMIT_S, Site

POOLER = """\
[databases]
* = host={host} port={port} user=quper_writer
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 100
server_idle_timeout = 5
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
"""
MANY = 8


def owner_of(site: Site) -> str:
    """Return the system's user as whom the server runs."""
    folder = Path(str(conninfo_to_dict(site.target)["host"]))
    return folder.owner()


@contextmanager
def pooler(site: Site, folder: Path, listen: int, size: int = 4) -> Iterator[None]:
    """Put PgBouncer, in transaction pooling, in the place of the proxy."""
    address = conninfo_to_dict(site.target)
    file = folder / "pgbouncer.ini"
    file.write_text(
        POOLER.format(
            host=address["host"], port=address["port"], listen=listen, folder=folder, size=size
        )
    )
    for path in (folder, *folder.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp"):  # noqa: S108
            path.chmod(0o755)
    owner = owner_of(site)  # who alone may use the socket
    shutil.chown(folder, owner)
    user = ["-u", owner] if os.getuid() == 0 else []
    with subprocess.Popen(["pgbouncer", "-q", *user, str(file)]) as process:
        site.shell.variables |= {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(listen)}
        try:
            yield
        finally:
            process.terminate()


@on_both_paths
def test_eight_at_once_behind_a_pooler(site: Site, tmp_path_factory, free_port: int):
    with pooler(site, tmp_path_factory.mktemp("pgbouncer"), free_port):
        end = monotonic() + LIMIT_S
        while site.shell.type("db", "current").code != 0:
            assert monotonic() < end
        children = [
            site.shell.start("run", "--all", "-q", stdout=None, stderr=None) for _ in range(MANY)
        ]
        codes = [child.wait(4 * LIMIT_S) for child in children]
        assert codes == [0] * MANY
        assert site.rows("SELECT sum(rows_inserted) FROM quper.sync_batches") == [(8,)]
        site.recovers()


@pytest.mark.parametrize(("size", "codes"), [(2 * MANY + 4, {0}), (1, {0, 1})])
def test_eight_jobs_at_once_with_two_connections_each_behind_a_pooler(
    site: Site, tmp_path_factory, free_port: int, size: int, codes: set[int]
):
    """With one connection for all they wait for each other, and whoever waits too long ends."""
    head, job = JOBS.split("  items:")
    job = job.replace("batch_size: 4", "batch_size: 2").replace("load: auto", "load: copy")
    names = [f"items_{number}" for number in range(MANY)]
    jobs = (f"  {name}:{job.replace('public.items', f'public.{name}')}" for name in names)
    site.shell.write_jobs(head + "".join(jobs))
    for name in names:
        site.at_target(f"CREATE TABLE {name} (LIKE items INCLUDING ALL)")
    with pooler(site, tmp_path_factory.mktemp("pgbouncer"), free_port, size):
        end = monotonic() + LIMIT_S
        while site.shell.type("db", "current").code != 0:
            assert monotonic() < end
        children = [site.shell.start("run", name, "-q", stdout=None, stderr=None) for name in names]
        assert {child.wait(4 * LIMIT_S) for child in children} <= codes
        site.at_target(EXPIRE)
        assert site.shell.type("run", "--all", "-q").code == 0
    for name in names:
        assert site.rows(f"SELECT count(*) FROM {name}") == [(8,)]


@pytest.mark.parametrize("shift", ["+400d", "-400d"])
def test_a_clock_that_is_wrong_here_changes_nothing(site: Site, shift: str):
    with subprocess.Popen(
        ["faketime", "-f", shift, *site.command()], cwd=site.shell.folder, env=site.environment
    ) as child:
        assert child.wait(LIMIT_S) == 0
    site.invariants.hold()
    site.recovers()


@on_both_paths
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_commit_on_a_half_open_connection_is_done_once(site: Site, number: int):
    commit = commit_of_batch(answered=False)
    site.proxy.set(Trap(looks_for=commit, count=number, does=lambda: End.HALF_OPEN))

    site.run()  # the server ends its half after idle_in_transaction_session_timeout, 30 s
    end = monotonic() + 3 * LIMIT_S
    while site.run("-q").code:
        assert monotonic() < end
    site.recovers()


def test_a_table_that_others_lock_for_long_ends_the_run_and_no_more(site: Site):
    site.shell.write_jobs(JOBS.replace("timeout: 20s", "timeout: 120s"))
    with psycopg.connect(site.target) as rival:
        rival.execute("LOCK TABLE items")
        with site.running("-q") as child:
            assert child.wait(6 * LIMIT_S) == 1
    assert site.last_run() == ("dead", "conflict")
    site.recovers()


def test_a_full_disk_loses_nothing(site: Site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    for path in (folder.parent.parent, folder.parent, folder):
        path.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "none", folder], check=True)
    room = folder / "room"
    room.mkdir()
    shutil.chown(room, owner_of(site))
    try:
        site.at_target(f"CREATE TABLESPACE small LOCATION '{room}'")
        site.at_target("ALTER TABLE items SET TABLESPACE small")
        (folder / "ballast").write_bytes(bytes(800_000))
        site.at_source(
            "UPDATE items SET name = 'canary-row '"
            " || (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 60000) AS n)"
        )
        assert (site.execute().code, site.last_run()) == (1, ("dead", "resource-exhausted"))
        site.at_target("ALTER TABLE items SET TABLESPACE pg_default")
        site.recovers()
    finally:
        site.at_target("ALTER TABLE items SET TABLESPACE pg_default", "DROP TABLESPACE small")
        subprocess.run(["umount", folder], check=True)
