"""A run that breaks is tried again: from what is stored, within its time, and on record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from qupersync.demo.faults import AtSql, Cut, Fault
from qupersync.domain.errors import SourceUnavailableError, TargetUnavailableError
from qupersync.domain.job import Job
from qupersync.domain.retry import Retry
from qupersync.domain.run import Run, Status
from tests.pipeline.rig import AT_ONCE, SETTLED, WATERMARK, Rig, a_job, a_snapshot

LEASE_ENDS = "UPDATE quper.qupersync_leases SET lease_expires_at = now() - interval '1 s'"
ATTEMPTS = (
    "SELECT attempt, status, error_code, retryable, backoff_ms FROM quper.sync_attempts"
    " ORDER BY run_id, attempt"
)
LOST = (1, "failed", "source-unavailable", True, 0)
DAILY = WATERMARK | {"initial": "3d", "chunk": "1d"}


def test_the_only_attempt_begins_with_its_run(items: Rig):
    items.run(daily())

    [(began, is_longer)] = items.rows(
        "SELECT a.started_at = r.started_at, a.completed_at > a.started_at"
        " FROM quper.sync_attempts AS a JOIN quper.sync_logs AS r USING (run_id)"
    )
    assert (began, is_longer) == (True, True)


@pytest.fixture
def items(items: Rig) -> Rig:
    """Three days of rows, two a day; each run may be tried again at once."""
    items.at_source(
        "INSERT INTO items SELECT i, 'done', timestamp '2026-03-01 11:30' - i * interval '12 h'"
        " FROM generate_series(0, 5) AS i"
    )
    return replace(items, retry=AT_ONCE)


class Killed(BaseException):
    """The process is gone."""


def daily(**fields: Any) -> Job:
    return a_job(**{"watermark": DAILY} | fields)


def cut(rig: Rig, sql: str, count: int = 1, times: int = 1) -> None:
    """Cut the source's connection at the n-th statement of a session that contains this."""
    rig.stand_in.faults.arm(Fault(when=AtSql(sql, count), what=Cut(), times=times))


def unheard(_run: Run) -> None:
    """Nobody listens."""


def run(rig: Rig, job: Job, on_step: Callable[[Run], None] = unheard, **changed: Any) -> Run:
    use_case = replace(rig.use_case(), on_step=on_step, **changed)
    return use_case(job, rig.order())


def at_wait(act: Callable[[], object]) -> Callable[[Run], None]:
    """Return what acts when a run waits for its next attempt."""

    def heard(run: Run) -> None:
        if run.backoff_ms is not None:
            act()

    return heard


def windows(rig: Rig) -> list[Any]:
    return rig.rows("SELECT window_low, window_high FROM quper.sync_batches ORDER BY batch_seq")


def test_a_run_that_lost_its_source_goes_on_in_a_second_attempt(items: Rig):
    cut(items, "FETCH")

    done = items.run(daily())

    assert (done.status, done.attempts, done.error_code) == (Status.SUCCESS, 2, "")
    assert items.rows("SELECT count(*) FROM items") == [(6,)]
    assert items.rows("SELECT status, attempts FROM quper.sync_logs") == [("success", 2)]
    assert items.rows(ATTEMPTS) == [LOST, (2, "success", None, None, None)]


def test_a_run_that_had_no_memory_goes_on_in_a_second_attempt(items: Rig):
    left = [MemoryError()]

    def opened(limit_s: float) -> Any:
        if left:
            raise left.pop()
        return items.open_source(limit_s)

    done = run(items, daily(), open_source=opened)

    assert (done.status, done.tally.inserted) == (Status.SUCCESS, 6)
    assert items.rows(ATTEMPTS)[0] == (1, "failed", "resource-exhausted", True, 0)


def test_what_is_stored_is_not_read_again(items: Rig):
    cut(items, "FETCH", count=3)

    done = items.run(daily())

    assert (done.attempts, done.tally.extracted, done.tally.inserted) == (2, 6, 6)
    assert len(windows(items)) == len(set(windows(items))) == 3


def test_every_attempt_has_the_window_of_the_first(items: Rig):
    cut(items, "FETCH", count=2)
    later = "UPDATE clock SET moment = moment + interval '1 day'"

    done = run(items, daily(), at_wait(lambda: items.at_source(later)))

    assert (done.status, done.attempts) == (Status.SUCCESS, 2)
    assert windows(items)[-1][1] == "2026-03-01T12:00:00.000000Z"
    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-01T12:00:00.000000Z",)
    ]


def test_an_open_row_that_an_earlier_attempt_has_read_still_holds_the_watermark(items: Rig):
    items.at_source("UPDATE items SET name = 'open' WHERE id = 3")
    cut(items, "FETCH", count=3)

    done = items.run(daily(watermark=SETTLED | DAILY | {"max_hold": "3d"}))

    assert (done.status, done.attempts) == (Status.SUCCESS, 2)
    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-02-27T23:30:00.000000Z",)
    ]


def test_a_row_that_the_source_drops_between_two_attempts_is_a_gap(items: Rig):
    cut(items, "FETCH")
    drop = "DELETE FROM items WHERE changed < '2026-03-01'"

    # In one piece: several are looked for again at their end.
    job = daily(watermark=DAILY | {"chunk": "7d"})
    done = run(items, job, at_wait(lambda: items.at_source(drop)))

    assert done.status is Status.SUCCESS
    assert any(text.startswith("gap: the source no longer holds ") for text in done.warnings)


def test_a_snapshot_reads_all_again(items: Rig):
    cut(items, "FETCH", count=2)

    done = items.run(a_snapshot(batch_size=4))

    assert (done.status, done.attempts, done.tally.extracted) == (Status.SUCCESS, 2, 6)


def test_a_broken_connection_to_the_target_is_opened_anew_under_the_same_lease(items: Rig):
    items.at_target(
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('public.tries') = 3 THEN PERFORM pg_terminate_backend(pg_backend_pid());"
        " END IF; RETURN new; END $$",
        "CREATE TRIGGER hang_up BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION hang_up()",
    )

    done = items.run(daily())

    assert (done.status, done.attempts, done.tally.inserted) == (Status.SUCCESS, 2, 6)
    assert items.rows("SELECT DISTINCT fence FROM quper.sync_batches") == items.rows(
        "SELECT fence FROM quper.qupersync_leases"
    )
    assert items.rows("SELECT error_code FROM quper.sync_attempts ORDER BY attempt") == [
        ("target-unavailable",),
        (None,),
    ]


def test_a_target_that_refuses_a_connection_for_a_moment_is_asked_again(items: Rig):
    refused = [TargetUnavailableError(), TargetUnavailableError()]

    @contextmanager
    def refusing() -> Iterator[Any]:
        if refused:
            raise refused.pop()
        with items.open_target() as target:
            yield target

    done = run(items, daily(), open_target=refusing)

    assert (done.status, done.attempts) == (Status.SUCCESS, 3)
    assert items.rows("SELECT attempt, status FROM quper.sync_attempts ORDER BY attempt") == [
        (1, "failed"),
        (2, "failed"),
        (3, "success"),
    ]


def test_a_run_that_lost_its_lease_between_two_attempts_stops_at_once(items: Rig):
    cut(items, "FETCH")
    read = []

    def overtake() -> None:
        items.at_target(LEASE_ENDS)
        read.append(items.run(daily()))
        cut(items, "BEGIN", times=100)  # whoever asks the source again will not succeed

    done = run(items, daily(), at_wait(overtake))

    assert (done.status, done.error_code, done.attempts) == (Status.DEAD, "lease-expired", 1)
    assert [other.status for other in read] == [Status.SUCCESS]


def test_a_spent_budget_is_a_dead_run_with_each_attempt_on_record(items: Rig):
    cut(items, "FETCH", times=100)

    done = items.run(daily())

    assert (done.status, done.error_code, done.attempts) == (Status.DEAD, "source-unavailable", 6)
    *failed, last = items.rows(ATTEMPTS)
    assert [row[1:] for row in failed] == [LOST[1:]] * 5
    assert last == (6, "dead", "source-unavailable", True, None)


def test_a_stored_batch_gives_the_next_failure_all_its_tries(items: Rig):
    # Each session gets one window further.
    cut(items, "FETCH", count=3, times=100)

    done = run(items, daily(), retry=Retry(tries=1, first_s=0))

    assert (done.status, done.attempts, done.tally.inserted) == (Status.SUCCESS, 3, 6)


def test_a_refused_login_is_never_tried_again(items: Rig):
    items.stand_in.password = "another"  # noqa: S105 - of a stand-in

    done = items.run(daily())

    assert (done.status, done.error_code, done.attempts) == (Status.FAILED, "login-refused", 1)


def test_a_source_that_the_preflight_found_closed_is_not_tried(items: Rig):
    done = items.run(daily(), refusal=SourceUnavailableError())

    assert (done.status, done.attempts) == (Status.DEAD, 1)


def test_no_attempt_begins_after_the_jobs_time(items: Rig):
    cut(items, "FETCH")

    done = run(items, daily(timeout="50s"), retry=Retry(first_s=60))

    assert (done.status, done.attempts) == (Status.DEAD, 1)


def test_an_attempt_has_what_is_left_of_the_jobs_time(items: Rig):
    cut(items, "FETCH")
    limits: list[float] = []

    def opened(limit_s: float) -> Any:
        limits.append(limit_s)
        return items.open_source(limit_s)

    run(items, daily(timeout="50s"), open_source=opened)

    assert 50 > limits[0] > limits[1] > 40


def test_a_stop_ends_the_wait_and_the_run(items: Rig):
    cut(items, "FETCH")

    done = run(items, daily(), at_wait(lambda: items.stop.request(15)), retry=Retry(first_s=60))

    assert (done.status, done.error_code, done.attempts) == (Status.CANCELED, "stopped", 1)
    assert items.rows("SELECT status FROM quper.sync_logs") == [("canceled",)]
    assert items.rows("SELECT attempt, backoff_ms FROM quper.sync_attempts") == [(1, 60_000)]
    assert items.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]


@pytest.mark.parametrize(
    ("steps", "left"),
    [(1, [LOST]), (2, [LOST, (2, "dead", "lease-expired", True, None)])],
    ids=["while it waits", "in its second attempt"],
)
def test_a_killed_run_leaves_the_attempts_that_it_made(items: Rig, steps: int, left: list[Any]):
    seen: list[Run] = []

    def dies(run: Run) -> None:
        seen.extend([run] if run.attempts == 2 else [])
        if len(seen) == steps:
            raise Killed

    cut(items, "FETCH")
    with pytest.raises(Killed):
        run(items, daily(), dies)
    items.at_target(LEASE_ENDS)
    items.run(daily())

    vanished = "SELECT run_id FROM quper.sync_logs WHERE error_code = 'lease-expired'"
    told = ATTEMPTS.replace("ORDER", f"WHERE run_id = ({vanished}) ORDER")
    assert items.rows(told) == left
    assert items.rows(f"SELECT attempts FROM quper.sync_logs WHERE run_id = ({vanished})") == [
        (len(left),)
    ]


def test_attempts_follow_one_another_within_the_run(items: Rig):
    cut(items, "FETCH", times=2)

    items.run(daily())

    [(is_in_order,)] = items.rows(
        "SELECT bool_and(a.started_at >= before.completed_at AND a.completed_at >= a.started_at"
        " AND a.completed_at <= run.completed_at AND before.started_at >= run.started_at)"
        " FROM quper.sync_attempts AS a JOIN quper.sync_logs AS run USING (run_id)"
        " JOIN quper.sync_attempts AS before"
        " ON before.run_id = a.run_id AND before.attempt = a.attempt - 1"
    )
    assert is_in_order
