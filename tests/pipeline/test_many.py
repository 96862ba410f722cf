"""One pass over several jobs: each on its own, each on record, in order to the end."""

import signal
from dataclasses import replace
from threading import Thread
from threading import enumerate as threads

import pytest

from qupersync.application.preflight import checked
from qupersync.application.run_many import Pass, RunMany
from qupersync.demo.faults import AfterRows, AtMessage, AtSql, BlackHole, Cut, Delay, Fault, Sender
from qupersync.demo.frames import ServerError
from qupersync.domain.errors import SourceUnavailableError, TargetUnavailableError
from qupersync.domain.job import Flavor, Job
from qupersync.domain.run import Run, Status
from tests.pipeline.rig import Rig, a_snapshot

NAMES = ["one", "two", "three"]


@pytest.fixture
def tables(rig: Rig) -> Rig:
    for name in NAMES:
        rig.at_both(f"CREATE TABLE {name} (id int PRIMARY KEY, n int)")
        rig.at_source(f"INSERT INTO {name} SELECT i, i FROM generate_series(1, 3000) AS i")
    return rig


def jobs(**changed: dict[str, object]) -> list[Job]:
    return [
        a_snapshot(
            name=name,
            **{"sql": f"SELECT * FROM {name}", "target": f"public.{name}"} | changed.get(name, {}),
        )
        for name in NAMES
    ]


class Broken(Job):
    def sql_for(self, flavor: Flavor) -> str | None:
        raise ZeroDivisionError("a secret value")


def run_all(rig: Rig, selection: list[Job], *, threads: int = 1, fail_fast: bool = False) -> Pass:
    use_case = rig.use_case()
    order = checked(rig.order(), selection, use_case.open_target, use_case.open_source, None)
    run_many = RunMany(
        run_job=use_case, threads=threads, fail_fast=fail_fast, on_end=lambda _run: None
    )
    return run_many(selection, order)


def endings(done: Pass) -> dict[str, tuple[Status, str]]:
    return {run.job: (run.status, run.error_code) for run in done.runs}


@pytest.mark.parametrize("threads", [1, 3])
def test_one_jobs_failure_stops_no_other(tables: Rig, threads: int):
    done = run_all(tables, jobs(two={"sql": "SELECT 1/0 AS id"}), threads=threads)

    assert endings(done) == {
        "one": (Status.SUCCESS, ""),
        "two": (Status.FAILED, "query-failed"),
        "three": (Status.SUCCESS, ""),
    }


def test_fail_fast_starts_nothing_after_a_failure(tables: Rig):
    done = run_all(tables, jobs(one={"sql": "SELECT 1/0 AS id"}), fail_fast=True)

    assert endings(done) == {"one": (Status.FAILED, "query-failed")}


def test_a_bug_in_one_job_is_recorded_and_reported_and_stops_no_other(tables: Rig):
    selection = jobs()
    selection[0] = Broken.model_validate(dict(selection[0]))

    done = run_all(tables, selection)

    assert [type(error) for error in done.errors] == [ZeroDivisionError]
    assert {run.job for run in done.runs} == {"two", "three"}
    assert tables.rows("SELECT status, error FROM quper.sync_logs WHERE error_code = 'bug'") == [
        ("failed", "a bug in QuperSync: ZeroDivisionError")
    ]


def test_a_source_that_is_down_leaves_one_closed_run_for_each_job(tables: Rig):
    tables.stand_in.faults.arm(
        Fault(when=AtMessage(Sender.CLIENT, b""), what=Cut(reset=True), times=100)
    )

    done = run_all(tables, jobs())

    assert set(endings(done).values()) == {(Status.DEAD, "source-unavailable")}
    assert tables.rows("SELECT status, count(*) FROM quper.sync_logs GROUP BY 1") == [("dead", 3)]


def test_a_refused_login_is_recorded_for_each_job(tables: Rig):
    tables.stand_in.password = "another"  # noqa: S105 - of a stand-in

    done = run_all(tables, jobs())

    assert set(endings(done).values()) == {(Status.FAILED, "login-refused")}


def test_a_job_without_sql_for_the_flavor_is_skipped(tables: Rig):
    tables.at_source("CREATE TABLE stv_slices AS SELECT 1 AS slice")

    done = run_all(tables, jobs(two={"sql": {"serverless": "SELECT * FROM two"}}))

    assert endings(done)["two"] == (Status.SKIPPED, "not-on-this-flavor")
    assert tables.rows("SELECT consecutive_failures FROM quper.qupersync_state") == [(0,)] * 3


def test_a_source_without_slices_is_serverless(tables: Rig):
    done = run_all(tables, jobs(two={"sql": {"provisioned": "SELECT * FROM two"}}))

    assert endings(done)["two"] == (Status.SKIPPED, "not-on-this-flavor")


@pytest.mark.parametrize(
    "what",
    [
        Cut(),
        Cut(reset=True),
        ServerError(severity="FATAL", sqlstate="57P01", message="terminating connection"),
    ],
    ids=["closed", "reset", "restarted"],
)
def test_a_connection_lost_in_the_middle_of_a_read_changes_nothing(tables: Rig, what):
    (job, *_) = jobs()
    tables.stand_in.faults.arm(Fault(when=AfterRows(1500), what=what))

    broken, again = tables.run(job), tables.run(job)

    assert (broken.status, broken.error_code) == (Status.DEAD, "source-unavailable")
    assert (again.status, again.tally.inserted) == (Status.SUCCESS, 3000)


def test_a_silent_source_ends_with_the_jobs_time(tables: Rig):
    (job, *_) = jobs(one={"timeout": "1s"})
    tables.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=BlackHole()))

    run = tables.run(job)

    assert (run.status, run.error_code) == (Status.DEAD, "timeout")


@pytest.mark.parametrize("statement", ["FETCH FORWARD 8", "ROLLBACK"])
def test_a_source_silent_in_the_middle_of_a_read_is_lost_long_before_the_jobs_time(
    tables: Rig, statement: str
):
    tables.stand_in.faults.arm(Fault(when=AtSql(statement), what=BlackHole()))

    with tables.open_source(20) as source:
        source.quiet_s = 0.5
        with pytest.raises(SourceUnavailableError, match=r"nothing for 0\.5 seconds"):
            list(source.read("SELECT * FROM one", batch_rows=10_000))


def test_a_query_may_think_longer_than_a_read_may_be_silent(tables: Rig):
    with tables.open_source(3600) as source:
        source.quiet_s = 0.1
        (batch,) = source.read("SELECT pg_sleep(0.5)::text", batch_rows=10)

    assert len(batch) == 1


def test_a_target_that_refuses_ends_the_reader_too(tables: Rig):
    tables.at_source("UPDATE one SET n = NULL")
    required = {"id": "integer", "n": {"type": "integer", "required": True}}
    (job, *_) = jobs(one={"columns": required, "batch_size": 10})

    assert tables.run(job).error_code == "too-many-rejects"
    assert [thread for thread in threads() if thread.name == "reader"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_interrupts_a_blocked_read_and_ends_the_run_in_order(tables: Rig, number: int):
    (job, *_) = jobs()
    blocked = tables.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=Delay()))
    runs: list[Run] = []
    thread = Thread(target=lambda: runs.append(tables.run(job)))
    thread.start()
    assert blocked.reached.wait(10)

    tables.stop.request(number)
    thread.join(10)

    assert [(run.status, run.error_code) for run in runs] == [(Status.CANCELED, "stopped")]
    assert tables.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]


def test_nothing_starts_after_a_stop(tables: Rig):
    tables.stop.request(signal.SIGTERM)

    assert run_all(tables, jobs()).runs == ()


def test_a_target_that_is_lost_leaves_the_returned_run_as_the_record(tables: Rig):
    (job, *_) = jobs()
    use_case = replace(tables.use_case(), open_target=_refusing)

    run = use_case(job, tables.order())

    assert (run.status, run.error_code) == (Status.DEAD, "target-unavailable")


def _refusing():
    raise TargetUnavailableError


def test_a_run_whose_target_connection_breaks_is_closed_over_a_new_one(tables: Rig):
    (job, *_) = jobs()
    tables.at_target(
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END'",
        "CREATE TRIGGER hang_up BEFORE INSERT ON one FOR EACH ROW EXECUTE FUNCTION hang_up()",
    )

    run = tables.run(job)

    assert (run.status, run.error_code) == (Status.DEAD, "target-unavailable")
    assert tables.rows("SELECT status, error_code FROM quper.sync_logs") == [
        ("dead", "target-unavailable")
    ]
    assert tables.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]


def test_a_probe_that_fails_says_nothing_about_the_flavor(tables: Rig):
    tables.at_source("CREATE TABLE stv_slices AS SELECT 1 AS slice")
    tables.stand_in.faults.arm(
        Fault(when=AtSql("stv_slices"), what=ServerError(sqlstate="XX000", message="transient"))
    )

    done = run_all(tables, jobs())

    assert set(endings(done).values()) == {(Status.FAILED, "query-failed")}


def test_fail_fast_counts_a_bug_as_a_failure(tables: Rig):
    selection = jobs()
    selection[0] = Broken.model_validate(dict(selection[0]))

    assert run_all(tables, selection, fail_fast=True).runs == ()
