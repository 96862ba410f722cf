"""What all sessions of one stand-in share: where its data are, who may come in, what is held."""

import socket
from dataclasses import dataclass, field

from qupersync.demo.certificates import Certificates
from qupersync.demo.fault_plan import Faults
from qupersync.demo.postgres import PostgresAddress


@dataclass(kw_only=True, eq=False)
class Cluster:
    """The Redshift that a stand-in plays; the upstream PostgreSQL must trust its user.

    What is changed here while the stand-in runs holds for the sessions that begin afterwards.
    """

    upstream: PostgresAddress
    user: str = "quper"
    password: str = field(default="quper", repr=False)
    tls: Certificates | None = None
    single_node: bool = True
    max_connections: int | None = None
    faults: Faults = field(default_factory=Faults)

    def connect_upstream(self) -> socket.socket:
        """Open a connection to the PostgreSQL behind; nothing has been said on it yet."""
        if not self.upstream.host.startswith("/"):
            return socket.create_connection((self.upstream.host, self.upstream.port))
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"{self.upstream.host}/.s.PGSQL.{self.upstream.port}")
        except OSError:
            connection.close()
            raise
        return connection
