"""With IAM each connect has a token of its own: an old one may have expired by now."""

from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from qupersync.domain.errors import SourceUnavailableError
from qupersync.infrastructure.connections import driver_options
from qupersync.infrastructure.redshift.source import connected
from qupersync.infrastructure.settings import load_settings

GIVEN = """<GetClusterCredentialsResponse xmlns="http://redshift.amazonaws.com/doc/2012-12-01/">
<GetClusterCredentialsResult><DbUser>IAM:reader</DbUser><DbPassword>pw</DbPassword>
<Expiration>2999-01-01T00:00:00Z</Expiration></GetClusterCredentialsResult>
</GetClusterCredentialsResponse>"""
VARIABLES = {
    "REDSHIFT_IAM": "true",
    "REDSHIFT_HOST": "127.0.0.1",
    "REDSHIFT_PORT": "1",
    "REDSHIFT_DB": "dev",
    "REDSHIFT_CLUSTER_IDENTIFIER": "c1",
    "REDSHIFT_DB_USER": "reader",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
}


class Aws(BaseHTTPRequestHandler):
    """Gives a token to everybody, and keeps what was asked."""

    asked: list[bytes]

    def do_POST(self):
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(GIVEN.encode())

    def log_message(self, *_args):
        return


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    asked: list[bytes] = []
    handler = type("Handler", (Aws,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield asked
        server.shutdown()


def test_each_connect_fetches_a_token(asked: list[bytes]):
    settings = load_settings(VARIABLES, None)

    for _ in range(2):
        options = driver_options(settings.redshift, settings.aws)
        with (
            suppress(SourceUnavailableError),  # nobody listens at port 1
            connected(options, fetch_rows=1, limit_s=1),
        ):
            pass

    assert sum(b"Action=GetClusterCredentials&" in query for query in asked) == 2
