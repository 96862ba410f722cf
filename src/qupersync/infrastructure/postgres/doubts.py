"""What became of a commit whose answer never came."""

from collections.abc import Callable

from qupersync.domain.ports.records import Doubt
from qupersync.infrastructure.postgres.session import Session

STATUS = "SELECT pg_xact_status(%(xid)s::xid8)"
# The transaction tells it from a session that has the process id by now, or a pooler's own.
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE pid = %(pid)s AND backend_xid = %(xid)s::xid8::xid
"""
LOOKS, LOOK_S = 20, 0.5


def outcome(session: Session, doubt: Doubt, wait: Callable[[float], bool]) -> bool | None:
    """Keep the promise of ``ports.Target.outcome``."""
    names = {"xid": doubt.xid, "pid": doubt.pid}
    for _ in range(LOOKS):
        ((status,),) = session.rows(STATUS, names)
        if status != "in progress":
            return {"committed": True, "aborted": False}.get(status)
        session.rows(END, names)
        if wait(LOOK_S):
            break
    return None
