"""The eight jobs of jobs.yaml, from a stand-in of either flavor, as `run --all` runs them."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from qupersync.application.preflight import checked
from qupersync.application.run_many import RunMany
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import Flavor, build_warehouse
from qupersync.domain.load_path import RAW
from qupersync.domain.run import Run, Status
from qupersync.infrastructure.jobs_file import load_jobs
from tests.pipeline.rig import Rig
from tests.pipeline.test_plan import a_plan

JOBS = load_jobs(Path(__file__).parents[2] / "jobs.yaml").jobs
VERSIONS = "SELECT xmin, xmax, ctid, t FROM {} AS t ORDER BY ctid"


def run_all(rig: Rig) -> dict[str, Run]:
    use_case = rig.use_case()
    order = checked(rig.order(), JOBS, use_case.open_target, use_case.open_source, None)
    run_many = RunMany(run_job=use_case, threads=4, fail_fast=False, on_end=lambda _run: None)
    return {run.job: run for run in run_many(JOBS, order).runs}


@pytest.mark.parametrize("flavor", ["provisioned", "serverless"])
def test_all_jobs_load_and_a_second_run_touches_nothing(
    server: PostgresAddress, empty_database: str, target: str, flavor: Flavor
):
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor=flavor, rows=1_000, now=datetime.now(UTC))  # noqa: TID251
    with StandIn(upstream=server) as stand_in:
        rig = Rig(source=empty_database, target=target, stand_in=stand_in)
        first = run_all(rig)
        before = {job.name: rig.rows(VERSIONS.format(job.target)) for job in JOBS}
        second = run_all(rig)

    skipped = {"node_details"} if flavor == "serverless" else set()
    assert {name for name, run in first.items() if run.status is Status.SKIPPED} == skipped
    for name, run in first.items():
        assert run.status is Status.SUCCESS or name in skipped, run.error
        assert run.tally.inserted == len(before[name])
        assert run.tally.inserted > 0 or name in skipped
        assert second[name].tally.extracted == second[name].tally.unchanged
    assert {job.name: rig.rows(VERSIONS.format(job.target)) for job in JOBS} == before


def test_no_column_of_any_job_stands_in_the_way_of_the_raw_path(
    server: PostgresAddress, empty_database: str, target: str
):
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor="provisioned", rows=10, now=datetime.now(UTC))  # noqa: TID251
    with StandIn(upstream=server) as stand_in:
        rig = Rig(source=empty_database, target=target, stand_in=stand_in)
        plans = [a_plan(rig, job) for job in JOBS]

    assert {plan.path.name if plan.path else plan.error for plan in plans} == {RAW}
