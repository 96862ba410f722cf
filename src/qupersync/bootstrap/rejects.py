"""Rows that were set aside, for people: who lists, shows and discards them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qupersync.bootstrap.app import App
from qupersync.domain.errors import SelectionError
from qupersync.infrastructure.postgres.kept_rejects import STAGED_FORMAT
from qupersync.infrastructure.postgres.reject_log import RejectLog
from qupersync.infrastructure.redshift.layout import KEPT_FORMATS

FORMATS = (STAGED_FORMAT, *KEPT_FORMATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The rejects that somebody means: those with these ids, or else those of jobs."""

    ids: tuple[int, ...] = ()
    jobs: tuple[str, ...] = ()


def listed(
    app: App, names: Sequence[str], limit: int, *, resolved_too: bool
) -> tuple[list[dict[str, Any]], int]:
    """Return what ``RejectLog.listed`` does of these jobs, or all; and how many are open."""
    with log_of(app) as log:
        counts = log.counts()
        jobs = _jobs(app, names, counts) if names else list(counts)
        found = log.listed(jobs, limit, resolved_too=resolved_too)
        return found, sum(counts.get(job, 0) for job in jobs)


def shown(app: App, reject_id: int) -> dict[str, Any]:
    """Return one reject as ``RejectLog.of`` does.

    Raises:
        SelectionError: there is none with this id.
    """
    with log_of(app) as log:
        return found(log, reject_id)


def to_discard(app: App, which: Which) -> dict[str, int]:
    """Return how many open rejects of which job are meant.

    Raises:
        SelectionError: there is no such reject or job, or a reject is resolved already.
    """
    with log_of(app) as log:
        if not which.ids:
            counts = log.counts()
            return {job: counts.get(job, 0) for job in _jobs(app, which.jobs, counts)}
        rejects = [found(log, number) for number in which.ids]
        for reject in rejects:
            if reject["resolution"]:
                raise SelectionError(
                    f"reject {reject['reject_id']} is {reject['resolution']} already",
                    hint="qupersync rejects list",
                )
        jobs = [reject["job"] for reject in rejects]
        return {job: jobs.count(job) for job in dict.fromkeys(jobs)}


def discard(app: App, which: Which, counts: Mapping[str, int]) -> int:
    """Do what ``to_discard`` told; return how many rejects were still open."""
    with log_of(app) as log:
        return log.discard([] if which.ids else list(counts), which.ids)


@contextmanager
def log_of(app: App) -> Iterator[RejectLog]:
    """Open the rejects of this source."""
    with app.servers.reports() as reports:
        yield RejectLog(reports.session, reports.source, FORMATS)


def found(log: RejectLog, reject_id: int) -> dict[str, Any]:
    """Return one reject as ``RejectLog.of`` does.

    Raises:
        SelectionError: there is none with this id.
    """
    reject = log.of(reject_id)
    if reject is None:
        raise SelectionError(f"no reject {reject_id}", hint="qupersync rejects list --all")
    return reject


def _jobs(app: App, names: Sequence[str], known: Mapping[str, int]) -> list[str]:
    # A job that has left the jobs file may have left rejects.
    rest = [name for name in names if name not in known]
    chosen = [job.name for job in app.selected(rest)] if rest else []
    return [*(name for name in names if name in known), *chosen]
