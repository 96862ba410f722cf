"""Two runs of one job never overlap, and a stale one cannot write."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Barrier, Event, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from qupersync.application.attempts import Attempts
from qupersync.application.incremental import Incremental
from qupersync.demo.faults import AtSql, Delay, Fault
from qupersync.domain.errors import ConfigError, LeaseLostError, RevisionError
from qupersync.domain.job import Flavor
from qupersync.domain.ports import Terms
from qupersync.domain.pulse import Pulse
from qupersync.domain.run import Run, Status, Trigger
from qupersync.infrastructure.postgres.heartbeat import Heartbeat
from qupersync.infrastructure.signals import Stop
from tests.pipeline.rig import NOON, ONCE, Rig, a_job, a_snapshot

TABLE = "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
WATERMARK = {"column": "changed", "initial": "1h", "overlap": "0s", "lag": "0s"}
EXPIRE = "UPDATE quper.qupersync_leases SET lease_expires_at = now() - interval '1 s'"
MUCH_LATER = 1_000_000.0
TERMS = Terms(columns=("id",), idle_limit_s=5)


def a_run(owner: UUID) -> Run:
    return Run(
        run_id=owner,
        source="default",
        job="items",
        trigger=Trigger.CRON,
        correlation_id=uuid4(),
        started_at=NOON,
    )


@pytest.fixture
def items(rig: Rig) -> Rig:
    rig.at_both(TABLE)
    rig.at_source(
        "INSERT INTO items SELECT i, 'n', '2026-03-01 11:30' FROM generate_series(1, 50) AS i"
    )
    return rig


def test_a_held_job_is_skipped_and_its_data_left_alone(items: Rig):
    with items.open_target("holder") as target:
        target.leases.claim(a_job(), uuid4())

        run = items.run(a_job())

    assert (run.status, run.error_code) == (Status.SKIPPED, "lease-held")
    assert items.rows("SELECT count(*) FROM items") == [(0,)]
    assert items.rows("SELECT status, error_code FROM quper.sync_logs") == [
        ("skipped", "lease-held")
    ]


def test_a_released_job_can_be_claimed_again_with_a_greater_fence(items: Rig):
    with items.open_target() as target:
        first = target.leases.claim(a_job(), uuid4())
        assert first is not None
        target.leases.release(first)

        second = target.leases.claim(a_job(), uuid4())

    assert second is not None
    assert second.fence > first.fence


def test_an_expired_lease_is_taken_over_and_the_dead_holders_run_closed(items: Rig):
    with items.open_target("dead") as target:
        lease = target.leases.claim(a_job(), owner := uuid4())
        assert lease is not None
        target.runs.open(a_run(owner))
    items.at_target(EXPIRE)

    run = items.run(a_job())

    assert run.status is Status.SUCCESS
    assert items.rows(
        f"SELECT status, error_code FROM quper.sync_logs WHERE run_id = '{owner}'"
    ) == [("dead", "lease-expired")]


def test_the_fence_stops_a_holder_whose_lease_was_taken_over(items: Rig):
    job = a_job()
    with items.open_target("stale") as target:
        stale = target.leases.claim(job, uuid4())
        assert stale is not None
        table = target.table(job, stale)
        items.at_target(EXPIRE)
        items.run(job)

        with pytest.raises(LeaseLostError), table.unit(TERMS):
            pytest.fail("the fence let a stale holder in")


def test_nobody_can_claim_while_a_batch_is_under_way(items: Rig):
    job = a_job()
    with items.open_target("holder") as target, items.open_target("rival") as rival:
        lease = target.leases.claim(job, uuid4())
        assert lease is not None
        with target.table(job, lease).unit(TERMS):
            items.at_target(EXPIRE)

            assert rival.leases.claim(job, uuid4()) is None

        assert rival.leases.claim(job, uuid4()) is not None


def test_of_many_runs_at_once_each_row_is_loaded_once(items: Rig):
    runs: list[Run] = []
    start = Barrier(6)

    def contend() -> None:
        use_case, order = items.use_case(), items.order()
        start.wait()
        runs.append(use_case(a_job(), order))

    threads = [Thread(target=contend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {run.status for run in runs} <= {Status.SUCCESS, Status.SKIPPED}, [r.error for r in runs]
    assert sum(run.tally.inserted for run in runs) == 50


def test_a_table_belongs_to_the_job_that_loaded_it_first(items: Rig):
    items.run(a_job())
    with items.open_target(source="other") as target:
        with pytest.raises(ConfigError, match="belongs to job items of source default") as caught:
            target.require_ready([a_job()])
        assert caught.value.hint == "name another target in job items"

        target.require_ready([a_job(target="public.elsewhere")])


def test_of_two_jobs_with_one_target_the_second_is_refused_even_without_a_preflight(items: Rig):
    items.run(a_job())

    run = items.run(a_job(name="rival"))

    assert (run.status, run.error_code) == (Status.FAILED, "config-invalid")


def test_a_schema_at_another_revision_is_refused(items: Rig):
    items.at_target("UPDATE quper.qupersync_version SET version_num = '0001'")

    with items.open_target() as target, pytest.raises(RevisionError, match="revision 0001"):
        target.require_ready([a_snapshot()])


def test_a_vanished_run_is_closed_with_what_it_had_committed(items: Rig):
    job = a_job(batch_size=10, watermark=WATERMARK)
    with items.open_target("dead") as target:
        lease = target.leases.claim(job, owner := uuid4())
        assert lease is not None
        run = a_run(owner)
        target.runs.open(run)
        with items.open_source(60) as source:
            story = Incremental(
                job=job,
                sql=job.sql_for(Flavor.PROVISIONED) or "",
                order=items.order(),
                stop=items.stop,
            )(run, source, target.table(job, lease))
            target.runs.note_progress(next(story))
            next(story)
            next(story)
    items.at_target(EXPIRE)

    items.run(job)

    assert items.rows(
        "SELECT status, rows_inserted, batches, window_high, consecutive_failures"
        " FROM quper.sync_logs JOIN quper.qupersync_state USING (source)"
        f" WHERE run_id = '{owner}'"
    ) == [("dead", 20, 2, "2026-03-01T12:00:00.000000Z", 0)]
    assert items.rows(
        f"SELECT attempt, status FROM quper.sync_attempts WHERE run_id = '{owner}'"
    ) == [(1, "dead")]


def test_a_run_that_cannot_be_closed_at_first_is_closed_over_a_new_connection(items: Rig):
    items.at_target(
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.status <> 'running' AND nextval('public.tries') = 1 THEN"
        " RAISE EXCEPTION 'held' USING ERRCODE = '55P03'; END IF; RETURN new; END $$",
        "CREATE TRIGGER held BEFORE UPDATE ON quper.sync_logs FOR EACH ROW EXECUTE FUNCTION held()",
    )

    run = items.run(a_job(sql="SELECT 1/0 AS id WHERE :low < :high"))

    assert (run.status, run.error_code) == (Status.FAILED, "query-failed")
    assert items.rows("SELECT status FROM quper.sync_logs") == [("failed",)]
    assert items.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]


def test_a_claim_whose_answer_was_lost_is_the_runs_own(items: Rig):
    run_id = uuid4()
    with items.open_target() as target:
        assert target.leases.claim(a_job(), owner=run_id)

    run = replace(items.use_case(), new_id=lambda: run_id)(a_job(), items.order())

    assert run.status is Status.SUCCESS


def test_a_run_that_broke_before_it_was_stored_is_on_record(items: Rig):
    items.at_target(
        "CREATE SEQUENCE opens",
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('public.opens') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid());"
        " END IF; RETURN new; END $$",
        "CREATE TRIGGER hang_up BEFORE INSERT ON quper.sync_logs FOR EACH ROW"
        " EXECUTE FUNCTION hang_up()",
    )

    assert items.run(a_job()).status is Status.DEAD

    assert items.rows("SELECT status, error_code, attempts FROM quper.sync_logs") == [
        ("dead", "target-unavailable", 1)
    ]
    assert items.rows("SELECT consecutive_failures FROM quper.qupersync_state") == [(1,)]


@pytest.mark.parametrize(
    ("limit_s", "is_at_work", "is_alive"), [(60, True, True), (0, True, False), (60, False, False)]
)
def test_a_lease_is_renewed_until_its_holder_counts_as_stuck(
    items: Rig, *, limit_s: float, is_at_work: bool, is_alive: bool
):
    with items.open_target() as target:
        lease = target.leases.claim(a_job(), uuid4())
        assert lease is not None
        items.at_target(EXPIRE)
        heartbeat = Heartbeat(items.target, 60)

        with heartbeat.beating(lease, limit_s, lambda: is_at_work, on_cancel=lambda: None):
            heartbeat._beat(target.session)

    assert items.rows("SELECT lease_expires_at > now() FROM quper.qupersync_leases") == [
        (is_alive,)
    ]


def always() -> bool:
    return True


class Hands:
    """The hands of a clock of monotonic seconds, turned by a test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_waits_for_the_target_is_at_work_and_who_is_stuck_behind_it_is_not(items: Rig):
    hands = Hands()
    with (
        items.open_target() as target,
        psycopg.connect(items.target) as rival,
        ThreadPoolExecutor() as pool,
    ):
        target.session.connection.pulse = Pulse(hands)
        rival.execute("LOCK TABLE items")
        waiting = pool.submit(target.session.rows, "SELECT FROM public.items")
        while not items.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            pass
        hands.now = MUCH_LATER
        waits = target.is_at_work()
        rival.rollback()
        waiting.result()
        works = target.is_at_work()
        hands.now *= 2

        assert (waits, works, target.is_at_work()) == (True, True, False)


def test_who_waits_for_the_source_is_at_work_and_who_is_stuck_behind_it_is_not(items: Rig):
    hands, delay = Hands(), Delay()
    with items.open_source(60) as source, ThreadPoolExecutor() as pool:
        source.pulse = Pulse(hands)
        fault = items.stand_in.faults.arm(Fault(when=AtSql("getdate"), what=delay))
        waiting = pool.submit(source.clock)
        assert fault.reached.wait(10)
        hands.now = MUCH_LATER
        waits = source.is_at_work()
        delay.until.set()
        waiting.result()
        works = source.is_at_work()
        hands.now *= 2

        assert (waits, works, source.is_at_work()) == (True, True, False)


def test_a_run_that_waits_for_its_next_attempt_is_at_work():
    hands, seen = Hands(), []

    class Late(Stop):
        def wait(self, _seconds: float) -> bool:
            hands.now = MUCH_LATER
            seen.append(attempts.is_at_work())
            return False

    attempts = Attempts(
        job=a_job(),
        run=a_run(uuid4()),
        until=NOON,
        stop=Late(),
        clock=lambda: NOON,
        retry=ONCE,
        chance=lambda: 1.0,
        pulse=Pulse(hands),
    )
    attempts.wait(60)
    hands.now *= 2

    assert (seen, attempts.is_at_work()) == ([True], False)


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_holder_hears_at_the_next_beat_that_it_is_to_stop(items: Rig, *, is_asked: bool):
    heard = Event()
    with items.open_target() as target:
        lease = target.leases.claim(a_job(), owner := uuid4())
        assert lease is not None
        heartbeat = Heartbeat(items.target, 60)
        assert not is_asked or target.leases.cancel(a_job()) == owner

        with heartbeat.beating(lease, 60, always, heard.set):
            heartbeat._beat(target.session)

    assert heard.is_set() is is_asked


def test_a_lease_that_somebody_locks_costs_no_other_one_its_beat(items: Rig):
    heard = Event()
    with items.open_target() as target, psycopg.connect(items.target) as rude, ExitStack() as held:
        heartbeat = Heartbeat(items.target, 1)
        for name, on_cancel in (("first", heard.clear), ("second", heard.set)):
            job = a_job(name=name, target=f"public.{name}")
            lease = target.leases.claim(job, uuid4())
            assert lease is not None
            assert target.leases.cancel(job)
            held.enter_context(heartbeat.beating(lease, 60, always, on_cancel))
        rude.execute("SELECT FROM quper.qupersync_leases WHERE job = 'first' FOR UPDATE")

        heartbeat._beat(target.session)

    assert heard.is_set()


def test_who_claims_a_job_after_a_cancel_is_not_asked_to_stop(items: Rig):
    with items.open_target() as target:
        target.leases.claim(a_job(), uuid4())
        target.leases.cancel(a_job())
    items.at_target(EXPIRE)

    assert items.run(a_job()).status is Status.SUCCESS


def test_a_lease_is_not_trusted_once_another_has_it(items: Rig):
    heartbeat = Heartbeat(items.target, 60)
    with items.open_target() as target:
        lease = target.leases.claim(a_job(), uuid4())
        assert lease is not None
        with heartbeat.beating(lease, 60, always, lambda: None) as is_trusted:
            before = is_trusted()
            items.at_target(EXPIRE)
            target.leases.claim(a_job(), uuid4())
            heartbeat._beat(target.session)

            assert (before, is_trusted()) == (True, False)
        with pytest.raises(LeaseLostError):
            target.leases.renew(lease)


@pytest.mark.parametrize("load", ["copy", "executemany"])
def test_a_run_that_cannot_trust_its_lease_renews_it_before_the_next_batch(items: Rig, load):
    # The beats of this one never come, and its first answer is old at once.
    silent = replace(items.use_case(), heartbeat=Heartbeat(items.target, 0))
    items.at_source(
        "INSERT INTO items SELECT i, 'n', '2026-03-01 11:30' FROM generate_series(101, 109) AS i"
    )
    expiries: list[Any] = []

    def expire(_run: Run) -> None:
        items.at_target(EXPIRE)

    def look(_run: Run) -> None:
        expiries.extend(items.rows("SELECT lease_expires_at > now() FROM quper.qupersync_leases"))

    job = a_job(load=load, batch_size=2, watermark=WATERMARK | {"initial": "1h"})
    run = replace(silent, on_begin=expire, on_step=look)(job, items.order())

    assert run.status is Status.SUCCESS
    # A batch is the next step; in the last one the lease is released.
    assert expiries[:5] == [(False,), *[(True,)] * 4]
