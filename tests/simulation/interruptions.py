"""What befalls a run between two calls of its ports: death, errors, and rivals."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from qupersync.domain.errors import (
    ConflictError,
    QueryError,
    SourceUnavailableError,
    TargetUnavailableError,
)
from qupersync.domain.ports import Clock, Doubt, InDoubtError

PORTS = {"leases", "runs", "past"}
TABLES = {"table", "look"}
READ = frozenset({"read"})
SOURCE_CALLS = READ | {"clock", "ask"}
UNIT_CALLS = frozenset({"unit", "stage", "observe", "merge", "commit", "end of unit"})
# All is committed, but nobody says so.
UNANSWERED = frozenset({"after unit"})
JOB_CALLS = frozenset(
    {"claim", "open", "note_progress", "note_failure", "state", "note_look", "close", "release"}
)


class Killed(BaseException):
    """The process is gone: nothing of the product may catch this."""


@dataclass(slots=True, kw_only=True)
class Fuse:
    """Calls ``act`` once, at the n-th of the calls named in ``at`` (all of them if it is empty)."""

    left: int
    act: Callable[[], object]
    at: frozenset[str] = frozenset()
    is_burnt: bool = False

    def burn(self, name: str) -> None:
        if self.is_burnt or (self.at and name not in self.at):
            return
        self.left -= 1
        if self.left == 0:
            self.is_burnt = True
            self.act()


def drawn(random: Random, *acts: Callable[[], object]) -> Fuse:
    """Return a fuse for an act, or for an error, that burns down somewhere in a run or after it."""
    left = random.choice([random.randint(1, 12), random.randint(1, 60)])
    soon = random.randint(1, 4)
    fuses = [
        Fuse(left=soon, act=_raises(SourceUnavailableError), at=SOURCE_CALLS),
        Fuse(left=soon, act=_raises(QueryError), at=READ),
        Fuse(left=left, act=_raises(ConflictError), at=UNIT_CALLS),
        Fuse(left=left, act=_raises(TargetUnavailableError), at=UNIT_CALLS | JOB_CALLS),
        Fuse(left=soon, act=_raises(TargetUnavailableError), at=UNANSWERED),
    ]
    return random.choice([*fuses, *(Fuse(left=left, act=act) for act in acts)])


def dies() -> None:
    """Do what kill -9 does."""
    raise Killed


def _raises(error: type[Exception]) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


class Port:
    """A port with a fuse that burns before and after each call, and after each batch that is read.

    The target's clock is ``now``.
    """

    def __init__(self, inner: Any, fuse: Callable[[str], None], now: Clock) -> None:
        self.inner, self.fuse, self.now = inner, fuse, now

    def _next(self, inner: Any) -> "Port":
        return Port(inner, self.fuse, self.now)

    def __getattr__(self, name: str) -> Any:
        if name == "abort":
            return self._nobody_aborts
        value = getattr(self.inner, name)
        if name in PORTS or (name in TABLES and not callable(value)):
            return self._next(value)
        if not callable(value):
            return value
        special = {"unit": self._unit, "read": self._read, "staged": self._staged}
        return partial(special.get(name, partial(self._call, name)), value)

    def _nobody_aborts(self) -> None:
        raise AssertionError("nobody stops a simulated run")

    def _call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.fuse(name)
        result = method(*args, **kwargs)
        if name == "state":
            result = replace(result, now=self.now())
        self.fuse(f"after {name}")
        return self._next(result) if name in TABLES else result

    @contextmanager
    def _unit(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.fuse("unit")
        with method(*args, **kwargs) as opened:
            unit, *rejects = opened if isinstance(opened, tuple) else (opened,)
            port = self._next(unit)
            yield (port, *rejects) if rejects else port
            self.fuse("end of unit")
        if unit.ended is not None:
            self.fuse("after close of the run")
        try:
            self.fuse("after unit")
        except TargetUnavailableError:
            raise InDoubtError("no answer", Doubt(xid=unit.xid, pid=0, ended=unit.ended)) from None

    @contextmanager
    def _staged(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
        with method(*args, **kwargs) as batches:
            yield map(self._next, batches)

    def _read(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.fuse("read")
        for batch in method(*args, **kwargs):
            yield batch
            self.fuse("read")
