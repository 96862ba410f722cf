"""The story of a watermark that somebody sets or resets by hand: look, and then write."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, tzinfo

from qupersync.domain.correction import Correction
from qupersync.domain.errors import (
    ConflictError,
    LeaseHeldError,
    SpanError,
    TargetMismatchError,
)
from qupersync.domain.gap import start_of
from qupersync.domain.job import Job
from qupersync.domain.moments import parse_point
from qupersync.domain.ports import NewId, Target
from qupersync.domain.watermark import EPOCH, Point, WatermarkType, back, canonical
from qupersync.domain.watermark_spec import WatermarkSpec, watermark_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectWatermark:
    """Sets or forgets the watermark of one job, between two runs of it."""

    open_target: Callable[[], AbstractContextManager[Target]]
    new_id: NewId

    def to_set(self, job: Job, text: str, zone: tzinfo) -> Correction:
        """Return what setting the watermark to ``text`` would do; nothing is written.

        Raises:
            SpanError: the job has no watermark, or the text is no point of its type, or one that
                no run could have reached.
            TargetMismatchError: the target's columns cannot carry the job's watermark.
        """
        spec = _spec(job)
        with self.open_target() as target:
            target.require_ready([job])
            table = target.look(job)
            columns, state = job.columns or table.columns(()), table.state()
        if problems := list(watermark_problems(spec, columns)):
            raise TargetMismatchError(f"{job.target} does not fit: {'; '.join(problems)}")
        kind = WatermarkType(str(columns[spec.column].type))
        point = _point(job, text, kind, zone, state.now)
        low = back(point, spec.overlap)
        return Correction(job=job.name, before=state.watermark, after=point, low=low)

    def to_reset(self, job: Job) -> Correction:
        """Return what forgetting the watermark would do; nothing is written.

        Raises:
            SpanError: the job has no watermark.
        """
        _spec(job)
        with self.open_target() as target:
            target.require_ready([job])
            state = target.look(job).state()
        return Correction(job=job.name, before=state.watermark, after=None, low=None)

    def __call__(self, job: Job, correction: Correction, by: str) -> None:
        """Write it, and by whom it was.

        Raises:
            LeaseHeldError: a run works on the job.
            ConflictError: a run has moved the watermark since somebody looked at it.
        """
        with self.open_target() as target:
            lease = target.leases.claim(job, owner=self.new_id())
            if lease is None:
                raise LeaseHeldError(f"job {job.name} is held by another run")
            try:
                table = target.table(job, lease)
                if table.state().watermark != correction.before:
                    raise ConflictError(
                        f"a run has moved the watermark of job {job.name} meanwhile",
                        hint=f"look again: qupersync watermark show {job.name}",
                    )
                table.correct(correction.after, by)
            finally:
                target.leases.release(lease)


def _spec(job: Job) -> WatermarkSpec:
    if job.watermark is None:
        raise SpanError(
            f"job {job.name} is a snapshot and has no watermark", hint="qupersync watermark show"
        )
    return job.watermark


def _point(job: Job, text: str, kind: WatermarkType, zone: tzinfo, now: datetime) -> Point:
    hint = f"qupersync watermark show {job.name}"
    try:
        point = parse_point(text, kind=kind, zone=zone, now=now)
    except ValueError as error:
        message = f"the watermark of job {job.name} is a {kind}, not {text!r}: {error}"
        raise SpanError(message, hint=hint) from None
    if kind is WatermarkType.BIGINT:
        return point
    if start_of(point) > now:
        where = f"lies in the future: the target's clock says {canonical(now)}"
    elif start_of(point) < start_of(EPOCH[kind]):
        where = "lies before all that a source can hold"
    else:
        return point
    raise SpanError(f"{canonical(point)} {where}", hint=hint)
