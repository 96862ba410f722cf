"""The beginning of a session: TLS, the start-up packet, the password, a cancel request."""

import hashlib
import secrets

from qupersync.demo.cluster import Cluster
from qupersync.demo.frames import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    SSL_REQUEST,
    Frame,
    ServerError,
    StartUp,
)
from qupersync.demo.wire import Wire

MD5_PASSWORD = (5).to_bytes(4)

# Redshift's drivers send these; PostgreSQL refuses a setting that it does not know.
_UNKNOWN_UPSTREAM = {
    "client_protocol_version",
    "driver_version",
    "os_version",
    "driver_discovery_version",
    "plugin_name",
    "idp_type",
    "provider_name",
    "token_type",
    "identity_namespace",
    "idc_client_display_name",
}


def first_packet(client: Wire, cluster: Cluster) -> Frame:
    """Answer the client's questions about encryption until it says what it came for."""
    while (packet := client.frame(kind_bytes=0)).code in {SSL_REQUEST, GSS_REQUEST}:
        encrypted = cluster.tls is not None and packet.code == SSL_REQUEST
        client.write(b"S" if encrypted else b"N")
        client.flush()
        if cluster.tls is not None and encrypted:
            client.encrypt(cluster.tls.context)
    return packet


def forward_cancel(packet: Frame, cluster: Cluster) -> bool:
    """Hand a cancel request on to the PostgreSQL behind; say whether the packet was one."""
    if packet.code != CANCEL_REQUEST:
        return False
    with cluster.connect_upstream() as upstream:
        upstream.sendall(bytes(packet))
        upstream.recv(1)  # PostgreSQL closes once the request is carried out, and so do we
    return True


def refused_login(client: Wire, start: StartUp, cluster: Cluster) -> ServerError | None:
    """Ask the client for its password; return the error to answer when it may not come in."""
    salt = secrets.token_bytes(4)
    client.write(bytes(Frame(kind=b"R", body=MD5_PASSWORD + salt)))
    client.flush()
    user = start.settings.get("user", "")
    answer = client.frame()
    if (user, answer.texts[0]) == (cluster.user, _md5_answer(user, cluster.password, salt)):
        return None
    message = f'password authentication failed for user "{user}"'
    return ServerError(severity="FATAL", sqlstate="28000", message=message)


def upstream_start(start: StartUp, cluster: Cluster) -> Frame:
    """Return the client's start-up packet as the PostgreSQL behind takes it."""
    known = {key: value for key, value in start.settings.items() if key not in _UNKNOWN_UPSTREAM}
    return StartUp(settings={**known, "user": cluster.upstream.user}).frame()


def _md5_answer(user: str, password: str, salt: bytes) -> str:
    return "md5" + _md5(_md5((password + user).encode()).encode() + salt)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
