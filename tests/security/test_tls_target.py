"""TLS towards the target: whoever cannot prove to be it is not spoken to."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from qupersync.demo.certificates import make_certificates
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.domain.errors import LoginRefusedError, QuperSyncError, TargetUnavailableError
from qupersync.infrastructure.connections import conninfo
from qupersync.infrastructure.postgres.session import connected
from qupersync.infrastructure.settings import load_settings

YESTERDAY = datetime(2026, 1, 1, tzinfo=UTC)


def greet(stand_in: StandIn, database: str) -> bool:
    """Log in as the program does; say whether the connection is encrypted."""
    variables = {
        "POSTGRES_HOST": stand_in.host,
        "POSTGRES_PORT": str(stand_in.port),
        "POSTGRES_DB": str(conninfo_to_dict(database)["dbname"]),
        "POSTGRES_USER": stand_in.user,
        "POSTGRES_PASSWORD": stand_in.password,
        "POSTGRES_SSLMODE": "verify-full",
    }
    with connected(conninfo(load_settings(variables, None).postgres)) as session:
        return session.connection.pgconn.ssl_in_use


def test_a_server_that_proves_its_name_is_written_to(
    server: PostgresAddress, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates.ca_file))

    with StandIn(upstream=server, tls=certificates) as stand_in:
        assert greet(stand_in, empty_database)


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("another name", "does not match host name"),
        ("expired", "certificate"),
        ("unknown authority", "certificate verify failed"),
        ("no TLS", "does not support SSL"),
        ("no root certificate", "root certificate file"),
    ],
)
def test_a_server_that_does_not_is_refused(
    server: PostgresAddress,
    empty_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    flaw: str,
    words: str,
):
    names = ("elsewhere.example",) if flaw == "another name" else ("127.0.0.1",)
    expires = YESTERDAY if flaw == "expired" else None
    certificates = make_certificates(tmp_path, names=names, expires=expires)
    (tmp_path / "other").mkdir()
    roots = {
        "unknown authority": make_certificates(tmp_path / "other").ca_file,
        "no root certificate": tmp_path / "none.pem",
    }
    monkeypatch.setenv("PGSSLROOTCERT", str(roots.get(flaw, certificates.ca_file)))

    with (
        StandIn(upstream=server, tls=None if flaw == "no TLS" else certificates) as stand_in,
        pytest.raises(QuperSyncError, match=words) as caught,
    ):
        greet(stand_in, empty_database)

    assert isinstance(caught.value, LoginRefusedError | TargetUnavailableError)
    assert "POSTGRES_" in caught.value.hint
