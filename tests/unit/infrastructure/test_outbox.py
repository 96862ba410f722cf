"""Errands on the side: in order, never for long, never fatal."""

from functools import partial
from threading import Event

import pytest

from qupersync.infrastructure.outbox import Outbox


def test_errands_run_in_order_and_are_waited_for():
    done: list[int] = []
    with Outbox() as outbox:
        for number in range(100):
            outbox.put(partial(done.append, number))

    assert done == list(range(100))


def test_an_errand_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture):
    release = Event()
    with Outbox(patience_s=0.05) as outbox:
        outbox.put(release.wait)
    release.set()

    assert [record.message for record in caplog.records] == ["gave up sending"]


def test_an_errand_that_fails_stops_no_other_and_its_text_stays_secret(
    caplog: pytest.LogCaptureFixture,
):
    def fails() -> None:
        raise ValueError("https://canary")

    done = Event()
    with Outbox() as outbox:
        outbox.put(fails)
        outbox.put(done.set)

    assert done.is_set()
    assert [(record.message, record.reason) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("not sent", "ValueError")
    ]
    assert "canary" not in caplog.text
