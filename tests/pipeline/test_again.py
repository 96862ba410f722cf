"""A past run's window is read again, and its record stays as it was."""

from datetime import timedelta
from uuid import uuid4

import pytest

from qupersync.application.again import replayed, retries
from qupersync.domain.errors import SelectionError, SpanError
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Status, Trigger
from tests.pipeline.rig import COLUMNS, NOON, Rig, a_job, a_snapshot

BROKEN = "SELECT 1 / (id - id) AS one, items.* FROM items WHERE changed >= :low AND changed < :high"
LATER = "UPDATE clock SET moment = '2026-03-01 18:00'"


@pytest.fixture
def items(items: Rig) -> Rig:
    items.at_source("INSERT INTO items VALUES (1, 'n', '2026-03-01 11:30')")
    return items


def replay(rig: Rig, past: Run, job: Job | None = None) -> Run:
    order = rig.order(trigger=Trigger.REPLAY)
    return rig.use_case()(*replayed([job or a_job()], order, rig.open_target, past.run_id))


def retry(rig: Rig, job: Job | None = None, **which) -> list[Run]:
    order = rig.order(trigger=Trigger.RETRY)
    turns = retries([job or a_job()], order, rig.open_target, **which)
    return [rig.use_case()(*turn) for turn in turns]


def record(rig: Rig, run: Run) -> list[object]:
    return rig.rows(f"SELECT l FROM quper.sync_logs AS l WHERE run_id = '{run.run_id}'")


def test_a_replay_reads_exactly_the_window_of_the_past_run(items: Rig):
    past = items.run(a_job())
    before = record(items, past)
    items.at_source(LATER)
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'm'")

    run = replay(items, past)

    assert (run.status, run.window, run.tally.updated) == (Status.SUCCESS, past.window, 1)
    assert record(items, past) == before
    assert items.rows(
        f"SELECT trigger, replay_of FROM quper.sync_logs WHERE run_id='{run.run_id}'"
    ) == [("replay", past.run_id)]


def test_a_replay_moves_no_watermark_back(items: Rig):
    past = items.run(a_job())
    items.at_source(LATER)
    items.run(a_job())

    replay(items, past)

    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-01T18:00:00.000000Z",)
    ]


def test_a_run_without_a_window_cannot_be_replayed(items: Rig):
    snapshot = a_snapshot()

    with pytest.raises(SpanError, match="read no window"):
        replay(items, items.run(snapshot), snapshot)


def test_an_unknown_run_and_one_of_an_unknown_job_are_refused(items: Rig):
    past = items.run(a_job())

    with pytest.raises(SelectionError, match="no run"):
        replayed([a_job()], items.order(), items.open_target, uuid4())
    with pytest.raises(SelectionError, match="job items, which is not in the jobs file"):
        replayed([], items.order(), items.open_target, past.run_id)


def test_a_run_of_another_source_is_not_known(items: Rig):
    past = items.run(a_job())

    with items.open_target(source="other") as target:
        assert target.past.find(past.run_id) is None


def test_a_retry_reads_the_window_of_the_run_that_failed_last(items: Rig):
    failed = items.run(a_job(sql=BROKEN, columns=COLUMNS))
    items.at_source(LATER)

    [run] = retry(items)

    assert (failed.status, run.status) == (Status.FAILED, Status.SUCCESS)
    assert (run.window, run.watermark_after) == (failed.window, NOON)
    assert items.rows("SELECT id FROM items") == [(1,)]


def test_a_retry_moves_the_watermark_as_the_failed_run_would_have(items: Rig):
    items.run(a_job())
    items.at_source(LATER)
    items.run(a_job(sql=BROKEN, columns=COLUMNS))
    items.at_source("UPDATE clock SET moment = '2026-03-01 20:00'")

    [run] = retry(items)

    assert run.watermark_after == NOON + timedelta(hours=6)


def test_a_retry_that_moves_the_watermark_looks_for_gaps_as_any_run_does(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-04-01'", "DELETE FROM items")
    items.at_source("INSERT INTO items VALUES (2, 'n', '2026-03-30')")
    items.run(a_job(sql=BROKEN, columns=COLUMNS))

    [run] = retry(items)

    assert any(warning.startswith("gap: ") for warning in run.warnings)


def test_nothing_is_retried_after_a_success(items: Rig):
    items.run(a_job(sql=BROKEN, columns=COLUMNS))
    items.run(a_job())

    assert retry(items) == []


def test_a_run_that_failed_before_its_window_is_run_as_it_would_be_anyway(items: Rig):
    items.run(a_job(target="public.missing"))

    [run] = retry(items)

    assert (run.status, run.watermark_after) == (Status.SUCCESS, NOON)


def test_one_failed_run_is_retried_by_its_id_and_no_other(items: Rig):
    first = items.run(a_job(sql=BROKEN, columns=COLUMNS))
    succeeded = items.run(a_job())

    [run] = retry(items, run_id=first.run_id)

    assert run.window == first.window
    with pytest.raises(SelectionError, match="ended as success"):
        retry(items, run_id=succeeded.run_id)


def test_a_failed_piece_of_a_backfill_is_what_a_retry_reads(items: Rig):
    items.run(a_job())
    order = items.order(trigger=Trigger.BACKFILL)
    windows = {"window": items.run(a_job()).window}
    failed = items.use_case()(
        a_job(sql=BROKEN, columns=COLUMNS), items.order(trigger=order.trigger, **windows)
    )

    [run] = retry(items)

    assert (run.window, run.replay_of) == (failed.window, failed.run_id)


def test_a_backfill_that_succeeds_does_not_hide_the_failed_run_before_it(items: Rig):
    window = items.run(a_job()).window
    failed = items.run(a_job(sql=BROKEN, columns=COLUMNS))
    backfilled = items.run(a_job(), trigger=Trigger.BACKFILL, window=window)

    learnt = "SELECT last_run_id, consecutive_failures FROM quper.qupersync_state"
    assert (backfilled.status, items.rows(learnt)) == (Status.SUCCESS, [(failed.run_id, 1)])
    assert [run.replay_of for run in retry(items)] == [failed.run_id]
