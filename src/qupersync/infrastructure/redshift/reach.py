"""Whether Redshift can be reached at all: its name, its port, its certificate; no login."""

import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

from qupersync.domain.finding import Finding
from qupersync.infrastructure.redshift.source import CONNECT_TIMEOUT_S

NAME, PORT, CERTIFICATE = "Redshift name", "Redshift port", "Redshift certificate"
# What a client says before anything else when it wants TLS.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def reach(host: str, port: int, sslmode: str) -> Iterator[Finding]:
    """Yield how each step went; nothing comes after the first that failed.

    The resolver's own limits bound the first step (10 s a server as a rule), 10 s each other one.
    """
    try:
        # IPv4 only, as the driver does it.
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = "check REDSHIFT_HOST, and the DNS of this machine"
        yield Finding.fail(NAME, f"{host} has no address: {_words(error)}", remedy)
        return
    addresses = [str(address[0]) for *_, address in found]
    yield Finding.ok(NAME, f"{host} is {', '.join(sorted(addresses))}")
    try:
        connection = socket.create_connection((addresses[0], port), CONNECT_TIMEOUT_S)
    except OSError as error:
        remedy = "check REDSHIFT_PORT; the security group must let this machine in"
        yield Finding.fail(PORT, f"{host}:{port} does not answer: {_words(error)}", remedy)
        return
    with connection:
        yield Finding.ok(PORT, f"{host}:{port} answers")
        if sslmode != "disable":
            yield _certificate(connection, host, sslmode)


def _certificate(connection: socket.socket, host: str, sslmode: str) -> Finding:
    remedy = "check REDSHIFT_HOST; an authority of your own goes into SSL_CERT_FILE"
    try:
        connection.sendall(_SSL_REQUEST)
        if connection.recv(1) != b"S":
            return Finding.fail(CERTIFICATE, f"{host} speaks no TLS", remedy)
        with _context(sslmode).wrap_socket(connection, server_hostname=host) as secured:
            shown, version = secured.getpeercert() or {}, secured.version()
    except OSError as error:
        return Finding.fail(CERTIFICATE, f"no TLS with {host}: {_words(error)}", remedy)
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    until = datetime.fromtimestamp(ends, UTC).date()
    return Finding.ok(CERTIFICATE, f"trusted by {sslmode}, {version}, valid until {until}")


def _context(sslmode: str) -> ssl.SSLContext:
    """Trust whom the driver trusts: this machine's authorities and those in its package."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = sslmode == "verify-full"
    context.load_default_certs()
    bundle = files("redshift_connector").joinpath("files", "redshift-ca-bundle.crt")
    context.load_verify_locations(cadata=bundle.read_text("ascii"))
    return context


def _words(error: OSError | UnicodeError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (isinstance(error, OSError) and error.strerror) or str(error)
