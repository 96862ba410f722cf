"""Pings against a real HTTP server: told once, tried twice, never in the way, never in the logs."""

import logging
from importlib.metadata import version

import pytest

from qupersync.domain.ping import Moment
from qupersync.infrastructure.pings import send
from tests.monitor import monitoring, nobody

SECRET = "/canary-key/start"  # noqa: S105 - of nothing


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    assert "canary" not in caplog.text
    return [(record.ping, record.reason) for record in caplog.records]  # type: ignore[attr-defined]


def test_a_ping_is_one_request_that_says_who_asks(caplog: pytest.LogCaptureFixture):
    with monitoring() as monitor:
        send(Moment.START, monitor.url + SECRET)

    assert monitor.paths == [SECRET]
    assert monitor.agents == [f"qupersync/{version('qupersync')}"]
    assert said(caplog) == []


@pytest.mark.parametrize("status", [404, 500])
def test_a_refused_ping_is_tried_twice_and_told(status: int, caplog: pytest.LogCaptureFixture):
    with monitoring(status=status) as monitor:
        send(Moment.FAILURE, monitor.url + SECRET)

    assert monitor.paths == [SECRET, SECRET]
    assert said(caplog) == [("failure", f"HTTP status {status}")]


def test_a_monitor_that_hangs_is_left_alone_in_time(caplog: pytest.LogCaptureFixture):
    with monitoring(hangs=True) as monitor:
        send(Moment.SUCCESS, monitor.url + SECRET, timeout_s=0.05)

    assert said(caplog) == [("success", "TimeoutError")]


def test_a_monitor_that_is_away_is_told_of_without_its_address(caplog: pytest.LogCaptureFixture):
    address = nobody()

    send(Moment.SUCCESS, address + SECRET)

    assert said(caplog) == [("success", "ConnectionRefusedError")]
    assert address.rpartition(":")[2] not in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [("http://127.0.0.1:1/canary key", "InvalidURL"), ("http://canary..x/", "Unicode")],
)
def test_an_impossible_url_is_told_of_without_its_text(
    url: str, reason: str, caplog: pytest.LogCaptureFixture
):
    send(Moment.SUCCESS, url)

    [(event, error)] = said(caplog)
    assert (event, error.startswith(reason)) == ("success", True)


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
def test_no_level_of_logging_shows_the_url(level: int, caplog: pytest.LogCaptureFixture):
    caplog.set_level(level)
    with monitoring(status=503) as monitor:
        send(Moment.START, monitor.url + SECRET)

    assert said(caplog) == [("start", "HTTP status 503")]
