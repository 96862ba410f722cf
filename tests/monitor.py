"""A monitor on this machine: an HTTP server that notes who asked for what."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass(kw_only=True)
class Monitor:
    """Answers with ``status``, or not before ``release`` is set."""

    status: int = 200
    hangs: bool = False
    release: Event = field(default_factory=Event)
    paths: list[str] = field(default_factory=list)
    agents: list[str | None] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def monitoring(**behaviour: Any) -> Iterator[Monitor]:
    """Run a monitor for the block."""
    monitor = Monitor(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            monitor.paths.append(self.path)
            monitor.agents.append(self.headers["User-Agent"])
            if monitor.hangs:
                monitor.release.wait(timeout=30)
            self.send_response(monitor.status)
            self.end_headers()

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            monitor.messages.append(json.loads(self.rfile.read(length)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monitor.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield monitor
        finally:
            monitor.release.set()
            server.shutdown()
            thread.join()


def nobody() -> str:
    """Return a URL of this machine at which nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}"
