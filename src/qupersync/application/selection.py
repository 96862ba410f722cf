"""Which jobs a command means."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from qupersync.domain.errors import SelectionError
from qupersync.domain.job import Job
from qupersync.domain.status import Health

States = Callable[[], Mapping[str, Health]]
STATE = "state:"
_WILD = frozenset("*?[")


def selected(
    jobs: Sequence[Job],
    names: Sequence[str] = (),
    tags: Sequence[str] = (),
    exclude: Sequence[str] = (),
    states: States = dict,
) -> tuple[Job, ...]:
    """Return the named jobs and those with one of the tags, or all, less the excluded ones.

    A name may be a pattern, as ``query_*``, or a state, as ``state:failed``; ``states`` is asked
    for these only. The order is the file's.

    Raises:
        SelectionError: a name or a tag that no job has, with those that are close; or nothing.
    """
    chosen = [_matching(jobs, name, states) for name in names]
    chosen += [_tagged(jobs, tag) for tag in tags]
    wanted = frozenset().union(*chosen) if chosen else frozenset(job.name for job in jobs)
    without = frozenset().union(*(_matching(jobs, name, states) for name in exclude))
    found = tuple(job for job in jobs if job.name in wanted - without)
    if exclude and not found:
        raise SelectionError("every job is excluded")
    return found


def named(jobs: Sequence[Job], name: str) -> Job:
    """Return the job with exactly this name.

    Raises:
        SelectionError: there is none; says which names are close.
    """
    for job in jobs:
        if job.name == name:
            return job
    raise _unknown(jobs, name)


def _matching(jobs: Sequence[Job], name: str, states: States) -> frozenset[str]:
    if name.startswith(STATE):
        return _in_state(jobs, name.removeprefix(STATE), states)
    if _WILD.isdisjoint(name):
        return frozenset({named(jobs, name).name})
    found = frozenset(job.name for job in jobs if fnmatchcase(job.name, name))
    if not found:
        raise _unknown(jobs, name)
    return found


def _in_state(jobs: Sequence[Job], state: str, states: States) -> frozenset[str]:
    if state not in set(Health):
        raise SelectionError(
            f"no job can be {state!r}", hint=f"states: {', '.join(f'{STATE}{s}' for s in Health)}"
        )
    known = states()
    found = frozenset(job.name for job in jobs if known.get(job.name, Health.NEVER) == state)
    if not found:
        raise SelectionError(f"no job is {state}", hint="qupersync status")
    return found


def _tagged(jobs: Sequence[Job], tag: str) -> frozenset[str]:
    found = frozenset(job.name for job in jobs if tag in job.tags)
    if not found:
        known = sorted({tag for job in jobs for tag in job.tags})
        raise SelectionError(f"no job has the tag {tag!r}", hint=f"tags: {', '.join(known)}")
    return found


def _unknown(jobs: Sequence[Job], name: str) -> SelectionError:
    known = [job.name for job in jobs]
    close = get_close_matches(name, known, n=3) or known
    return SelectionError(f"no job {name!r}", hint=f"known: {', '.join(close)}")
