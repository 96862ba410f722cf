"""A wish to stop is heard at once, and ends a connect; nothing stays open behind who leaves."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, get_ident

import pytest

from qupersync.domain.errors import StoppedError, TargetUnavailableError
from qupersync.infrastructure.postgres.session import connected
from qupersync.infrastructure.signals import Stop, entered, stopping_on_signals


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

    def is_waited_for() -> bool:
        caller = sys._current_frames()[main].f_back
        return caller is not None and caller.f_locals.get("self") is heard

    def get_one() -> None:
        while not is_waited_for():
            pass
        signal.pthread_kill(get_ident(), signal.SIGTERM)

    with stopping_on_signals(stop), stop.interrupting(heard.set):
        Thread(target=get_one).start()
        assert heard.wait(10)

    assert stop.signal == signal.SIGTERM
