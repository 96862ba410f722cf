"""The variables of pings and alerts: what they accept, and that they are secrets."""

import re
import sys
from pathlib import Path

import pytest

from qupersync.domain.errors import ConfigError
from qupersync.domain.ping import Moment
from qupersync.infrastructure.settings import SECRETS, load_settings

START, SUCCESS, FAILURE = (
    f"QUPERSYNC_PING_{moment}_URL" for moment in ("START", "SUCCESS", "FAILURE")
)
URL = "https://canary.example/key"
EXAMPLE = (Path(__file__).parents[3] / ".env.example").read_text()


def templates(**variables: str) -> dict[Moment, str]:
    return dict(load_settings(variables, None).watch.templates())


def test_nobody_is_told_unless_a_url_is_set():
    settings = load_settings({}, None)

    assert dict(settings.watch.templates()) == {}
    assert not settings.watch.alert_urls


def test_each_moment_has_its_own_template():
    variables = {START: f"{URL}/{{job}}", FAILURE: f"{URL}/{{exit_code}}?r={{run_id}}&{{status}}"}

    assert templates(**variables) == {
        Moment.START: f"{URL}/{{job}}",
        Moment.FAILURE: f"{URL}/{{exit_code}}?r={{run_id}}&{{status}}",
    }


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        (START, "ftp://canary.example/", "expected a URL that begins with http:// or https://"),
        (START, "canary.example", "expected a URL that begins with http:// or https://"),
        (SUCCESS, "https:///canary", "expected a URL that begins with http:// or https://"),
        (START, "https://me:canary@h/", "a user or password before @ is never sent; leave it out"),
        (SUCCESS, URL + "/{jbo}", "may be: {job}, {run_id}, {status}, {exit_code}"),
        (FAILURE, URL + "/{job!r}", "may be: {job}, {run_id}, {status}, {exit_code}"),
        (START, URL + "/{exit_code}", "the words in braces may be: {job}, {run_id}, {status}"),
    ],
)
def test_a_wrong_template_is_told_without_the_url(name: str, value: str, problem: str):
    with pytest.raises(ConfigError) as caught:
        load_settings({name: value}, None)

    assert str(caught.value).startswith(f"{name}: ")
    assert str(caught.value).endswith(problem)
    assert "canary" not in str(caught.value)


def test_every_url_is_a_secret():
    names = {START, SUCCESS, FAILURE, "QUPERSYNC_ALERT_URLS"}
    settings = load_settings(dict.fromkeys(names, URL), None)

    assert names <= SECRETS
    assert URL in settings.secrets()
    assert "canary" not in repr(settings)


def test_alerts_without_apprise_are_a_mistake_that_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed

    with pytest.raises(ConfigError, match="QUPERSYNC_ALERT_URLS: needs Apprise; install it with"):
        load_settings({"QUPERSYNC_ALERT_URLS": URL}, None)


@pytest.mark.parametrize("url", re.findall(r"https://[^\s,]+", EXAMPLE))
def test_the_urls_of_known_monitors_in_the_example_are_templates(url: str):
    assert templates(**{FAILURE: url}) == {Moment.FAILURE: url}
