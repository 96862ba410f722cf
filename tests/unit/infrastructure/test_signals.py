"""Who wants to stop leaves a connect that takes too long, and nothing stays open behind him."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from qupersync.domain.errors import StoppedError, TargetUnavailableError
from qupersync.infrastructure.postgres.session import connected
from qupersync.infrastructure.signals import Stop, entered


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
