"""TLS material for the stand-in, made on the fly and valid for nothing else."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme

LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What a server shows its clients, and the authority they must trust for it."""

    context: ssl.SSLContext
    ca_file: Path


def make_certificates(
    folder: Path, *, names: tuple[str, ...] = LOOPBACK, expires: datetime | None = None
) -> Certificates:
    """Make an authority and a server certificate, and write the authority's PEM into ``folder``.

    Other ``names`` than the loopback's, or an ``expires`` in the past, make one that a careful
    client refuses. A client trusts the authority when ``SSL_CERT_FILE`` names ``ca_file``.
    """
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_after=expires).configure_cert(context)
    return Certificates(context=context, ca_file=ca_file)
