"""What does not end in time is ended; what does is left alone."""

from threading import Event

from qupersync.infrastructure.postgres.deadlines import Deadlines

LIMIT_S = 10


def test_what_does_not_end_in_time_is_ended():
    passed = Event()

    with Deadlines().within(0, passed.set):
        assert passed.wait(LIMIT_S)


def test_what_ends_in_time_is_left_alone():
    deadlines, early, late = Deadlines(), Event(), Event()

    with deadlines.within(0.001, early.set):
        pass
    with deadlines.within(0, late.set):
        assert late.wait(LIMIT_S)

    assert not early.is_set()


def test_nothing_is_done_once_the_block_is_left():
    acting, order = Event(), []

    def act() -> None:
        acting.set()
        Event().wait(0.2)
        order.append("acted")

    with Deadlines().within(0, act):
        assert acting.wait(LIMIT_S)
    order.append("left")

    assert order == ["acted", "left"]


def test_one_that_fails_takes_no_other_with_it(caplog):
    deadlines, passed = Deadlines(), Event()

    def fails() -> None:
        raise RuntimeError

    with deadlines.within(0, fails), deadlines.within(0.5, passed.set):
        assert passed.wait(LIMIT_S)

    assert caplog.messages == ["a wait could not be ended"]
