"""A source that gives bytes as they were written down, whatever they are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from qupersync.domain.batch import Batch, Decoded, Row
from qupersync.domain.job import Flavor, Job
from qupersync.domain.ports import Source
from qupersync.domain.run import Run
from qupersync.infrastructure.redshift.fetching import _decoded
from qupersync.infrastructure.redshift.layout import Layout
from tests.datarow import body
from tests.pipeline.rig import NOON, Rig

Field = bytes | None


@dataclass(frozen=True, kw_only=True)
class Replay(Source):
    """Rows under columns of these types; without ``decodes`` their decoding is an error.

    It is always noon there, and nobody knows what the oldest row is.
    """

    oids: dict[str, int]
    rows: Sequence[Sequence[Field]]
    decodes: bool = True

    def rights(self) -> str:
        return "all"

    def clock(self) -> datetime:
        return NOON

    def flavor(self) -> Flavor:
        raise NotImplementedError

    def ask(self, sql: str, *, limit_s: float | None = None) -> Row:
        return (None,)

    def abort(self) -> None:
        raise NotImplementedError

    def is_at_work(self) -> bool:
        raise NotImplementedError

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        oids = tuple(self.oids.values())
        layout = Layout.of(tuple(self.oids), oids, [-1] * len(oids))
        whole = Batch(
            names=layout.names,
            payloads=[body(row) for row in self.rows],
            payload_format="datarow-v2",
            decode=partial(_decoded, layout) if self.decodes else _refused,
            encodings=layout.encodings,
        )
        yield from whole.parts(batch_rows)

    def loaded(self, rig: Rig, job: Job, **order: Any) -> Run:
        """Load the rows through the real use case."""

        @contextmanager
        def opened(limit_s: float) -> Iterator[Source]:
            yield self

        return replace(rig.use_case(), open_source=opened)(job, rig.order(**order))


def _refused(bodies: Sequence[bytes]) -> Decoded:
    raise AssertionError("rows of the raw path are not decoded")
