"""Peak memory of a run of 1,000,000 rows against one of 50,000: it must hardly grow.

Also how much the catalog of the target grows with 1,000 staging tables, one for each batch.

Each run is the real command in a process of its own, from the stand-in Redshift (in this process)
to a throw-away PostgreSQL. The peak is the process's maximum resident set size, as wait4() tells.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from qupersync.demo.postgres import PostgresAddress, throwaway_postgres
from qupersync.demo.standin import StandIn

SMALL, LARGE = 50_000, 1_000_000
ALLOWED_MB = 15.0
JOBS = """
version: 1
jobs:
  incremental_{rows}:
    sql: SELECT * FROM source_{rows} WHERE changed >= :low AND changed < :high
    target: quper.incremental_{rows}
    key: [id]
    watermark: {{column: changed, initial: 1d, overlap: 0s}}
    columns: &columns
      id: bigint
      account: integer
      name: text
      label: text
      ratio: double precision
      amount: numeric(18,4)
      is_open: boolean
      changed: timestamptz
  snapshot_{rows}:
    sql: SELECT * FROM source_{rows}
    target: quper.snapshot_{rows}
    key: [id]
    mode: snapshot
    columns: *columns
"""
TABLE = """
CREATE TABLE source_{rows} AS
SELECT i::bigint AS id, (i % 1000)::int AS account, 'name ' || i AS name,
       repeat('x', 20) AS label, i * 1.5::float8 AS ratio, (i * 1.25)::numeric(18,4) AS amount,
       i % 2 = 0 AS is_open, now() - interval '1 h' AS changed
  FROM generate_series(1, {rows}) AS i
"""
CLOCK = "CREATE FUNCTION getdate() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'"
CATALOG = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
"""
SLICES = "CREATE TABLE stv_slices AS SELECT 0 AS slice"


def main() -> int:
    with TemporaryDirectory() as folder, servers() as (postgres, stand_in):
        environ = environment(postgres, stand_in)
        growth = 0.0
        print(f"{'mode':<12} {'rows':>9} {'seconds':>8} {'peak MB':>8}")
        for mode in ("incremental", "snapshot"):
            before_mb = catalog_mb(postgres)
            peaks = [measured(Path(folder), environ, mode, rows) for rows in (SMALL, LARGE)]
            growth = max(growth, peaks[1] - peaks[0])
            print(f"{mode:<12} the catalog grew by {catalog_mb(postgres) - before_mb:.1f} MB")
    print(f"growth {growth:.1f} MB, allowed {ALLOWED_MB:.0f} MB")
    return int(growth > ALLOWED_MB)


@contextmanager
def servers() -> Iterator[tuple[PostgresAddress, StandIn]]:
    with throwaway_postgres() as postgres:
        for database in ("source", "target"):
            execute(postgres, "postgres", f"CREATE DATABASE {database}")
        execute(postgres, "source", CLOCK, SLICES)
        for rows in (SMALL, LARGE):
            execute(postgres, "source", TABLE.format(rows=rows))
        with StandIn(upstream=postgres) as stand_in:
            yield postgres, stand_in


def execute(postgres: PostgresAddress, database: str, *statements: str) -> None:
    with psycopg.connect(postgres.conninfo(database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def catalog_mb(postgres: PostgresAddress) -> float:
    with psycopg.connect(postgres.conninfo("target")) as connection:
        row = connection.execute(CATALOG).fetchone()
    return float(row[0]) / 1_000_000 if row else 0.0


def environment(postgres: PostgresAddress, stand_in: StandIn) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],  # noqa: TID251 - a program of its own
        "REDSHIFT_HOST": stand_in.host,
        "REDSHIFT_PORT": str(stand_in.port),
        "REDSHIFT_DB": "source",
        "REDSHIFT_USER": stand_in.user,
        "REDSHIFT_PASSWORD": stand_in.password,
        "REDSHIFT_SSLMODE": "disable",
        "POSTGRES_HOST": postgres.host,
        "POSTGRES_PORT": str(postgres.port),
        "POSTGRES_DB": "target",
        "POSTGRES_USER": postgres.user,
    }


def measured(folder: Path, environ: dict[str, str], mode: str, rows: int) -> float:
    (folder / "jobs.yaml").write_text(JOBS.format(rows=rows))
    qupersync(folder, environ, "db", "upgrade")
    qupersync(folder, environ, "db", "create", f"{mode}_{rows}")
    start = time.perf_counter()
    peak_mb = qupersync(folder, environ, "run", "-q", f"{mode}_{rows}")
    print(f"{mode:<12} {rows:>9,} {time.perf_counter() - start:>8.1f} {peak_mb:>8.1f}", flush=True)
    return peak_mb


def qupersync(folder: Path, environ: dict[str, str], *arguments: str) -> float:
    command = [sys.executable, "-m", "qupersync", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1_000_000


if __name__ == "__main__":
    sys.exit(main())
