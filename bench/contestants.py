"""What a contestant is, and QuperSync and the psql pipe as such."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.processes import Command
from bench.servers import BINARIES
from bench.shapes import TABLE, Shape

from qupersync.demo.postgres import PostgresAddress

SOURCE_DATABASE = "source"
SCHEMA = "quper"
QUPERSYNC = (str(Path(sys.executable).with_name("qupersync")),)
_JOB = """
version: 1
jobs:
  feed:
    sql: SELECT * FROM {table} {window}
    target: {schema}.{table}
    key: [{key}]
    {mode}
    load: {load}
    columns:
{columns}
"""
_BY_TIME = "mode: incremental\n    watermark: {column: changed, initial: 1d, overlap: 0s}"
# As docs/jobs.md says of a column with a time zone.
_WINDOW = "WHERE changed >= :low AT TIME ZONE 'UTC' AND changed < :high AT TIME ZONE 'UTC'"
_PIPE = """
"$PSQL" "$SOURCE" -qXc "COPY {table} TO STDOUT (FORMAT binary)" |
"$PSQL" "$TARGET" -qX1v ON_ERROR_STOP=1 \
    -c "CREATE TEMP TABLE staging (LIKE {schema}.{table}) ON COMMIT DROP" \
    -c "COPY staging FROM STDIN (FORMAT binary)" \
    -c "INSERT INTO {schema}.{table} AS t SELECT * FROM staging
        ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ({incoming})
        WHERE ({present}) IS DISTINCT FROM ({incoming})"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one contestant loads one table: its own database and its own folder."""

    source: PostgresAddress
    target: PostgresAddress
    database: str
    folder: Path

    @property
    def source_url(self) -> str:
        return url(self.source, SOURCE_DATABASE)

    @property
    def target_url(self) -> str:
        return url(self.target, self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A program in one way of using it.

    ``words`` makes the command of a full load: given the place, the shape, and whether it is a
    later load of the same rows. ``prepare`` is not timed; the empty target exists by then.
    """

    name: str
    version: str
    words: Callable[[Place, Shape, bool], Sequence[str]]
    environ: Callable[[Place], Mapping[str, str]]
    prepare: Callable[[Place, Shape], None] = lambda _place, _shape: None

    def command(self, place: Place, shape: Shape, *, again: bool) -> Command:
        """Return the command, in an environment that holds nothing of the caller's but PATH."""
        path = os.environ["PATH"]  # noqa: TID251 - for a program of its own
        environ = {"PATH": path, "HOME": str(place.folder), "DO_NOT_TRACK": "1"}
        return Command(
            words=self.words(place, shape, again),
            folder=place.folder,
            environ={**environ, **self.environ(place)},
        )


def url(address: PostgresAddress, database: str) -> str:
    """Return the address as a URL without encryption: it all stays on this machine."""
    login = f"{address.user}:{address.password}" if address.password else address.user
    return f"postgresql://{login}@{address.host}:{address.port}/{database}?sslmode=disable"


def qupersync(
    name: str, version: str, mode: Literal["incremental", "snapshot"], load: str
) -> Contestant:
    """Return QuperSync in one mode; ``load`` is the job's field of that name."""

    def prepare(place: Place, shape: Shape) -> None:
        job = _JOB.format(
            table=TABLE,
            schema=SCHEMA,
            key=shape.key,
            load=load,
            mode=_BY_TIME if mode == "incremental" else f"mode: {mode}",
            window=_WINDOW if mode == "incremental" else "",
            columns="\n".join(f"      {name}: {kind}" for name, kind in shape.types()),
        )
        (place.folder / "jobs.yaml").write_text(job)

    def words(_place: Place, _shape: Shape, again: bool) -> Sequence[str]:  # noqa: FBT001
        from_initial = ["--from-initial"] if again and mode == "incremental" else []
        return [*QUPERSYNC, "run", "-q", *from_initial, "feed"]

    return Contestant(
        name=name, version=version, words=words, environ=qupersync_environ, prepare=prepare
    )


def qupersync_environ(place: Place) -> Mapping[str, str]:
    """Return QuperSync's settings for a place; all else as it comes."""
    return {
        "REDSHIFT_HOST": place.source.host,
        "REDSHIFT_PORT": str(place.source.port),
        "REDSHIFT_DB": SOURCE_DATABASE,
        "REDSHIFT_USER": place.source.user,
        "REDSHIFT_PASSWORD": place.source.password or "",
        "REDSHIFT_SSLMODE": "disable",
        "POSTGRES_HOST": place.target.host,
        "POSTGRES_PORT": str(place.target.port),
        "POSTGRES_DB": place.database,
        "POSTGRES_USER": place.target.user,
        "POSTGRES_SSLMODE": "disable",
    }


def psql_pipe(version: str) -> Contestant:
    """Return what one can do with PostgreSQL's own tools: COPY to COPY, and one merge."""
    return Contestant(
        name="psql pipe",
        version=version,
        words=lambda _place, shape, _again: ["bash", "-o", "pipefail", "-c", _pipe(shape)],
        environ=lambda place: {
            "PSQL": str(BINARIES / "psql"),
            "SOURCE": place.source_url,
            "TARGET": place.target_url,
        },
    )


def _pipe(shape: Shape) -> str:
    others = [name for name, _ in shape.types() if name != shape.key]
    return _PIPE.format(
        table=TABLE,
        schema=SCHEMA,
        key=shape.key,
        columns=", ".join(others),
        incoming=", ".join(f"excluded.{name}" for name in others),
        present=", ".join(f"t.{name}" for name in others),
    )
