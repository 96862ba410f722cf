"""The jobs of jobs.yaml prove equal after a run, and each damage of their tables is found."""

from datetime import UTC, datetime

import psycopg
import pytest

from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from qupersync.demo.warehouse import Flavor, build_warehouse
from qupersync.domain import job as jobs
from qupersync.domain.verdict import Proof
from tests.pipeline.proof import verified
from tests.pipeline.rig import Rig
from tests.pipeline.test_built_in_jobs import JOBS, run_all

INCREMENTAL = [job for job in JOBS if job.watermark]


@pytest.mark.parametrize("flavor", ["provisioned", "serverless"])
def test_a_fresh_copy_is_proved_equal_and_a_damaged_one_is_not(
    server: PostgresAddress, empty_database: str, target: str, flavor: Flavor
):
    with psycopg.connect(empty_database) as connection:
        build_warehouse(connection, flavor=flavor, rows=1_000, now=datetime.now(UTC))  # noqa: TID251
    with StandIn(upstream=server) as stand_in:
        rig = Rig(source=empty_database, target=target, stand_in=stand_in)
        run_all(rig)
        fresh = [verified(rig, job, flavor=jobs.Flavor(flavor)) for job in INCREMENTAL]
        rig.at_target("UPDATE quper.query_history SET query_text = query_text || ' '")
        damaged = verified(rig, INCREMENTAL[1], flavor=jobs.Flavor(flavor))

    assert [(v.job, v.proof, v.reason, v.left_out) for v in fresh] == [
        (job.name, Proof.OK, "", ()) for job in INCREMENTAL
    ]
    assert all(verdict.windows and verdict.rows for verdict in fresh)
    assert (damaged.job, damaged.proof) == ("query_history", Proof.DIFFERS)
    assert [d.window for d in damaged.differences] == list(damaged.windows)
