"""A target that goes silent is not waited for: not beyond the job's time, nor beyond a signal."""

import signal
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

import pytest

from qupersync.demo.faults import AtMessage, BlackHole, Fault, Sender
from tests.faults.messages import in_a_batch
from tests.faults.proxy import End, Message, Trap
from tests.faults.site import LIMIT_S, Site

# Kubernetes gives 30 s by default.
GRACE_S = 20
# The drivers give a server 10 s.
CONNECT_LIMIT_S = 6


@dataclass(kw_only=True, eq=False)
class Silence(Trap):
    """From the message on nobody is answered any more, nor is who connects anew."""

    def watch(self, message: Message) -> End | Event | None:
        return End.BLACK_HOLE if self.sprung.is_set() else super().watch(message)


def silent() -> End:
    return End.BLACK_HOLE


def at(statement: str) -> Any:
    return lambda message: message.begins and statement in message.text


def test_a_target_that_goes_silent_is_not_waited_for_longer_than_the_job_may_take(site: Site):
    site.shell.write_jobs(site.jobs.replace("timeout: 20s", "timeout: 3s"))
    site.proxy.set(Trap(looks_for=in_a_batch, count=6, does=silent))

    assert site.execute().code == 1


def ends_within(limit_s: float, site: Site, fell_silent: Event) -> None:
    """Send SIGTERM to a run once a server is silent for it."""
    with site.running() as child:
        assert fell_silent.wait(LIMIT_S)
        child.send_signal(signal.SIGTERM)
        asked_at = monotonic()
        done = site.ended(child)

    assert (done.code, monotonic() - asked_at < limit_s) == (143, True)


@pytest.mark.parametrize(
    ("load", "statement", "kind"),
    [
        ("auto", "FOR UPDATE SKIP LOCKED", Silence),
        ("auto", "INTO quper.sync_logs", Trap),
        ("auto", "qupersync_stage", Trap),
        ("copy", "qupersync_raw", Trap),
    ],
    ids=["claim", "open", "batch", "raw batch"],
)
def test_a_signal_ends_a_run_whose_target_is_silent(site: Site, statement: str, kind: type[Trap]):
    trap = site.proxy.set(kind(looks_for=at(statement), does=silent))
    ends_within(GRACE_S, site, trap.sprung)
    site.proxy.trap = None
    answered = kind is Trap  # whoever connects anew
    assert site.rows("SELECT status FROM quper.sync_logs") == [("canceled",)] * answered
    site.recovers()


def test_a_signal_ends_a_login_at_a_source_that_is_silent(site: Site):
    login = Fault(when=AtMessage(Sender.CLIENT, b""), what=BlackHole())
    site.proxy.set(Trap(looks_for=at("INTO quper.sync_logs"), does=lambda: arm(site, login)))
    ends_within(CONNECT_LIMIT_S, site, login.reached)
    assert site.last_run() == ("canceled", "stopped")
    site.recovers()


def arm(site: Site, fault: Fault) -> None:
    site.stand_in.faults.arm(fault)


def test_a_signal_ends_a_login_at_a_target_that_is_silent(site: Site):
    """Whoever looked before the run was answered; nothing can be recorded."""
    login = Silence(looks_for=lambda m: m.session == 1 and m.kind == b"", does=silent)
    site.proxy.set(login)
    ends_within(CONNECT_LIMIT_S, site, login.sprung)
    site.proxy.trap = None
    assert site.rows("SELECT FROM quper.sync_logs") == []
    site.recovers()
