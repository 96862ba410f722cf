"""A signal ends a run in order, wherever it is, and what cannot be said does not stop it."""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import closing
from itertools import count

import psycopg
import pytest

from qupersync.demo.faults import AtSql, Cut, Fault
from tests.faults.messages import in_a_batch
from tests.faults.paths import on_both_paths
from tests.faults.proxy import End, Message, Trap
from tests.faults.site import LIMIT_S, OTHERS, Site

WAITING = OTHERS.replace("state <> 'idle'", "wait_event_type = 'Lock'")
CANCELED = ("canceled", "stopped")
GOOD = ("success", "")
STEPS = {"auto": 24, "copy": 60}


@on_both_paths
def test_a_signal_at_a_message_ends_the_run_in_order(site: Site):
    for number in count(20, STEPS[site.load]):
        trap = Trap(
            looks_for=Message.is_request,
            count=number,
            does=lambda: child.send_signal(signal.SIGTERM),
        )
        site.proxy.set(trap)
        with site.running() as child:
            done = site.ended(child)
        if not trap.sprung.is_set():
            assert number > 50
            return
        # One that comes after the last batch finds nothing left to stop.
        assert (done.code, site.last_run()) in [(143, CANCELED), (143, GOOD), (0, GOOD)]
        assert site.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]
        site.recovers()
        site.afresh()


@pytest.mark.parametrize(
    ("load", "number", "code"),
    [
        ("auto", signal.SIGTERM, 143),
        ("auto", signal.SIGINT, 130),
        ("copy", signal.SIGTERM, 143),
    ],
)
def test_a_signal_ends_a_wait_for_a_lock(site: Site, number: int, code: int):
    with closing(psycopg.connect(site.target)) as rival:
        rival.execute("LOCK TABLE items")
        with site.running() as child:
            site.until(WAITING)
            child.send_signal(number)
            child.wait(LIMIT_S)

    assert (child.returncode, site.last_run()) == (code, CANCELED)
    site.recovers()


def test_a_signal_ends_the_wait_for_another_attempt(site: Site):
    site.shell.variables["SYNC_RETRIES"] = "5"
    site.stand_in.faults.arm(Fault(when=AtSql("declare"), what=Cut(), times=100))
    with site.running() as child:
        site.until("SELECT FROM quper.sync_attempts")
        child.send_signal(signal.SIGTERM)
        done = site.ended(child)
    site.stand_in.faults.disarm()

    assert (done.code, site.last_run()) == (143, CANCELED)
    site.recovers()


@on_both_paths
def test_a_second_signal_leaves_at_once(site: Site):
    # The target has gone silent: the first signal waits for the end of a batch that has none.
    silence = site.proxy.set(Trap(looks_for=in_a_batch, does=lambda: End.BLACK_HOLE, count=6))
    with site.running() as child:
        assert silence.sprung.wait(LIMIT_S)
        while child.poll() is None:
            child.send_signal(signal.SIGTERM)
        done = site.ended(child)

    assert (done.code, site.last_run()) == (143, ("running", ""))
    site.recovers()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_after_the_last_word_changes_nothing(site: Site, number: int, code: int):
    with site.running("-o", "json") as child:
        assert child.stdout is not None
        while child.stdout.readline() not in {"}\n", ""}:
            pass
        child.send_signal(number)
        done = site.ended(child)

    assert (done.code in {0, code}, site.last_run()) == (True, GOOD)
    assert "Traceback" not in done.err
    site.recovers()


def test_a_signal_that_comes_while_the_program_is_imported_has_the_same_code(site: Site):
    # Python tells of each module; the little room in the pipe keeps it from going on unread.
    for_reading, for_writing = os.pipe()
    fcntl.fcntl(for_writing, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-X", "importtime", "-m", "qupersync", "run", "items"]
    with (
        open(for_reading) as told,  # noqa: PTH123
        subprocess.Popen(command, env=site.environment, stderr=for_writing) as child,
    ):
        os.close(for_writing)
        assert any(" typer.models" in line for line in told)
        child.terminate()
        told.read()

    assert child.returncode == 143


def test_a_signal_ends_a_command_that_is_no_run(site: Site):
    silence = site.proxy.set(Trap(looks_for=Message.is_request, does=lambda: End.BLACK_HOLE))
    with site.shell.start("status") as child:
        assert silence.sprung.wait(LIMIT_S)
        child.terminate()
        assert child.wait(LIMIT_S) == 143


def test_a_terminal_that_is_closed_costs_no_more_than_a_kill(site: Site):
    with site.interrupted() as child:
        child.send_signal(signal.SIGHUP)

    site.recovers()


@pytest.mark.parametrize("words", [[], ["-o", "json"]])
def test_nobody_reads_what_it_says_and_the_rows_are_loaded(site: Site, words: list[str]):
    with site.running(*words) as child:
        for pipe in (child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()
        child.wait(LIMIT_S)

    assert site.last_run() == ("success", "")
    site.recovers()


@pytest.mark.parametrize("closed", ["1", "2", "0-2"])
def test_a_stream_that_was_never_open_changes_nothing(site: Site, closed: str):
    low, high = int(closed[0]), int(closed[-1])
    with site.shell.start("run", "items", preexec_fn=lambda: os.closerange(low, high + 1)) as child:
        assert child.wait(LIMIT_S) == 0

    assert site.last_run() == ("success", "")
    site.recovers()


@pytest.mark.parametrize("words", [[], ["-o", "json"]])
def test_a_full_disk_of_the_log_stops_no_run(site: Site, words: list[str]):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        child = site.shell.start("run", "items", *words, stdout=full, stderr=full)
        with child:
            child.wait(LIMIT_S)

    assert site.last_run() == ("success", "")
    site.recovers()
