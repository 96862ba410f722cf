"""A wish to stop is heard at once, and ends a connect; nothing stays open behind who leaves."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, get_ident
from threading import enumerate as threads

import pytest

from qupersync.domain.errors import StoppedError, TargetUnavailableError
from qupersync.infrastructure.postgres.session import connected
from qupersync.infrastructure.signals import Stop, entered, stopping_on_signals

# The first that it tells fails.
TWO_SIGNALS = """
import os, signal, threading
from qupersync.infrastructure.signals import Stop, stopping_on_signals

def kill():
    os.kill(os.getpid(), signal.SIGTERM)

stop, told = Stop(), threading.Event()
with stopping_on_signals(stop), stop.interrupting(lambda: 1 / 0), stop.interrupting(told.set):
    kill()
    kill()
    assert told.wait(10)
"""


@contextmanager
def opened(answered: Event, closed: Event) -> Iterator[str]:
    answered.wait()
    yield "connection"
    closed.set()


def test_what_is_opened_in_time_is_yielded_and_closed():
    answered, closed = Event(), Event()
    answered.set()
    with entered(opened(answered, closed), Stop()) as connection:
        assert (connection, closed.is_set()) == ("connection", False)

    assert closed.is_set()


def test_what_is_opened_too_late_is_closed():
    answered, closed, stop = Event(), Event(), Stop()
    stop.request()
    with pytest.raises(StoppedError), entered(opened(answered, closed), stop):
        pytest.fail("it was waited for")
    answered.set()

    assert closed.wait(10)


def test_why_it_cannot_be_opened_is_raised():
    nobody = connected("host=127.0.0.1 port=1")

    with pytest.raises(TargetUnavailableError), entered(nobody, Stop()):
        pytest.fail("it was opened")


def test_a_signal_that_does_not_end_the_main_threads_wait_is_heard_all_the_same():
    """As one that comes just before the wait: another thread gets it, and the main one handles."""
    stop, heard, main = Stop(), Event(), get_ident()
    before = signal.getsignal(signal.SIGTERM)

    def is_waited_for() -> bool:
        caller = sys._current_frames()[main].f_back
        return caller is not None and caller.f_locals.get("self") is heard

    def get_one() -> None:
        while not is_waited_for():
            pass
        signal.pthread_kill(get_ident(), signal.SIGTERM)

    with stopping_on_signals(stop), stop.interrupting(heard.set):
        Thread(target=get_one, daemon=True).start()
        assert heard.wait(10)

    assert stop.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1
    assert [thread for thread in threads() if thread.name == "signals"] == []


@pytest.mark.parametrize(("goes_on", "code"), [("pass", 0), ("while True: kill()", 143)])
def test_two_signals_at_once_are_one_wish_and_a_later_one_leaves(goes_on: str, code: int):
    program = TWO_SIGNALS + f"    {goes_on}\n"

    done = subprocess.run(
        [sys.executable, "-c", program], timeout=30, check=False, capture_output=True
    )

    assert done.returncode == code
