"""Watermarks and gaps by hand: what is remembered, and how people change it."""

import os
import pwd
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from qupersync.application.selection import named
from qupersync.application.watermark import CorrectWatermark
from qupersync.bootstrap.app import App
from qupersync.bootstrap.machine import process
from qupersync.domain.correction import Correction
from qupersync.domain.job import Job
from qupersync.infrastructure.postgres.watermarks import Watermarks


def remembered(app: App, names: Sequence[str] = ()) -> list[tuple[Job, dict[str, Any]]]:
    """Return the named jobs, or all, each with what ``Watermarks.of`` tells of it."""
    jobs = app.selected(names)
    with app.servers.reports() as reports:
        known = Watermarks(reports.session, reports.source)
        return [(job, known.of(job.name)) for job in jobs]


def to_set(app: App, name: str, text: str) -> Correction:
    """Return what ``watermark set`` would do."""
    return _story(app).to_set(_job(app, name), text, app.settings.sync.time_zone)


def to_reset(app: App, name: str) -> Correction:
    """Return what ``watermark reset`` would do."""
    return _story(app).to_reset(_job(app, name))


def correct(app: App, correction: Correction) -> None:
    """Do it, in the name of who runs this process."""
    _story(app)(_job(app, correction.job), correction, _who())


def acknowledge(app: App, name: str, seen: list[dict[str, Any]]) -> None:
    """Acknowledge the open gaps of a job that are among those seen."""
    with app.servers.reports() as reports:
        Watermarks(reports.session, reports.source).acknowledge(name, seen, _who())


def _story(app: App) -> CorrectWatermark:
    return CorrectWatermark(open_target=app.servers.target, new_id=uuid4)


def _job(app: App, name: str) -> Job:
    return named(app.jobs_file.jobs, name)


def _who() -> str:
    user = str(os.getuid())
    with suppress(KeyError):  # a container may run as somebody who has no name there
        user = pwd.getpwuid(os.getuid()).pw_name
    return f"{user}@{process()['host']}"
