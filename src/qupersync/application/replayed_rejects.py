"""The story of rows that were set aside, and are loaded as if they had just been read."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from qupersync.application.attempts import Attempts
from qupersync.application.order import Order
from qupersync.application.run_job import RunJob
from qupersync.domain.errors import (
    ColumnMissingError,
    StateMissingError,
    StoppedError,
    TargetMismatchError,
)
from qupersync.domain.job import Job
from qupersync.domain.ports import Entry, Table, Target, Terms
from qupersync.domain.ports.kept import KeptRejects, KeptRows
from qupersync.domain.row_check import RowCheck
from qupersync.domain.run import Run

# No more than staging looks for among bad rows: here all of them may still be.
BATCH_ROWS = 1_000
IDLE_LIMIT_S = 30.0


def read_again(job: Job) -> str:
    """Return the command that has the source's rows again, where those kept are of no use."""
    if job.watermark is None:
        return f"qupersync run {job.name}"
    return f"qupersync backfill {job.name} --since 7d"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRejects(RunJob):
    """Runs a job whose rows are rejects: what loads is resolved, what is refused again is kept.

    Nothing is read at the source, and the watermark stays. The last rows are stored together with
    the record of the run.
    """

    kept: Callable[[Target], KeptRejects]

    @classmethod
    def of(cls, run_job: RunJob, kept: Callable[[Target], KeptRejects]) -> "ReplayRejects":
        """Return the same life of a run, with this story."""
        return cls(**{f.name: getattr(run_job, f.name) for f in fields(run_job)}, kept=kept)

    def _work(self, attempts: Attempts, order: Order, target: Target) -> None:
        job, kept, stop = attempts.job, self.kept(target), attempts.stop
        with stop.interrupting(target.abort):
            table = target.table(job, attempts.held)
            _require_standing(job, table)
            at_most = min(BATCH_ROWS, order.batch_rows or job.batch_size or BATCH_ROWS)
            parts = kept.parts(attempts.run, at_most=at_most)
            rows = next(parts, None)
            while rows is not None:
                following = next(parts, None)
                if stop.is_requested():
                    raise StoppedError
                is_last = following is None
                attempts.step(_loaded(job, table, kept, rows, attempts.run, closes=is_last))
                rows = following
                self.on_step(attempts.run)
                if not (attempts.is_recorded or attempts.is_trusted()):
                    target.leases.renew(attempts.held)
        if not attempts.is_recorded:  # there were none
            attempts.run = attempts.run.succeeded(self.clock())


def _require_standing(job: Job, table: Table) -> None:
    """Make sure that the job's next run goes on as it would have without the rows.

    Raises:
        StateMissingError: the job has not begun to load this table.
    """
    state = table.state()
    if state.misfit or state.is_new:
        why = state.misfit or "nothing was loaded into it yet"
        raise StateMissingError(
            f"job {job.name} has not begun with {job.target}: {why}",
            hint=f"first: qupersync run {job.name}",
        )


def _loaded(
    job: Job, table: Table, kept: KeptRejects, rows: KeptRows, run: Run, *, closes: bool
) -> Run:
    check, batch = _check(job, table, rows), rows.batch
    # Only a watermark tells which of two rows is newer. A good row that is loaded later supersedes
    # its reject, unless that was discarded.
    newer = job.watermark is not None
    terms = Terms(
        columns=check.columns,
        idle_limit_s=IDLE_LIMIT_S,
        keeps_newer=newer,
        keeps_same=newer and rows.is_discarded,
    )
    with table.unit(terms) as unit:
        rejects = unit.stage(check.block(batch))
        merged = unit.merge()
        rejects += merged.rejects
        tally = replace(merged.tally, extracted=len(batch), skipped=unit.set_aside(rejects))
        refused = {reject.payload for reject in rejects}
        pairs = zip(rows.ids, batch.payloads, strict=True)
        kept.mark_replayed([number for number, payload in pairs if payload not in refused])
        run = run.loaded(tally)
        unit.commit(Entry(run=run, tally=tally))
        return unit.close(run) if closes else run


def _check(job: Job, table: Table, rows: KeptRows) -> RowCheck:
    names = rows.batch.names
    try:
        specs = table.columns(names)
        if rows.is_of_target:
            specs = {n: spec.model_copy(update={"source": None}) for n, spec in specs.items()}
        return RowCheck.compile(specs, job.key, names)
    except (ColumnMissingError, TargetMismatchError) as error:
        raise type(error)(
            f"the rows were kept with other columns: {error}", hint=read_again(job)
        ) from error
