"""TLS towards the source: whoever cannot prove to be it is not spoken to."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from qupersync.demo.certificates import make_certificates
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.domain.errors import LoginRefusedError, SourceUnavailableError
from qupersync.infrastructure.redshift.source import connected

YESTERDAY = datetime(2026, 1, 1, tzinfo=UTC)


def ask(stand_in: StandIn, database: str) -> object:
    options = {
        "host": stand_in.host,
        "port": stand_in.port,
        "database": conninfo_to_dict(database)["dbname"],
        "user": stand_in.user,
        "password": stand_in.password,
        "ssl": True,
        "sslmode": "verify-full",
    }
    with connected(options, fetch_rows=10, limit_s=10) as source:
        return source.execute("SELECT 1")[1]


def test_a_server_that_proves_its_name_is_read_from(
    server: PostgresAddress, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))

    with StandIn(upstream=server, tls=certificates) as stand_in:
        assert ask(stand_in, empty_database)


@pytest.mark.parametrize("flaw", ["another name", "expired", "unknown authority", "no TLS"])
def test_a_server_that_does_not_is_refused_before_the_password(
    server: PostgresAddress,
    empty_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flaw: str,
):
    names = ("elsewhere.example",) if flaw == "another name" else ("127.0.0.1",)
    expires = YESTERDAY if flaw == "expired" else None
    certificates = make_certificates(tmp_path, names=names, expires=expires)
    if flaw != "unknown authority":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))

    tls = None if flaw == "no TLS" else certificates
    # A server that hangs up looks like one without TLS, and may be back soon.
    kind = LoginRefusedError if tls else SourceUnavailableError
    with (
        StandIn(upstream=server, tls=tls) as stand_in,
        pytest.raises(kind, match=r"TLS with Redshift at .* failed") as caught,
    ):
        ask(stand_in, empty_database)

    assert "REDSHIFT_SSLMODE" in caught.value.hint
