"""Monitors outside hear of each run, and the run does not care whether they listen."""

from typing import Any

import pytest

from tests.cli.shell import Done, World
from tests.cli.test_run import HOLD
from tests.monitor import Monitor, monitoring, nobody

OF_PASS = {"START": "/key/start/{run_id}", "SUCCESS": "/key/{exit_code}/{run_id}"}
OF_JOB = {
    "START": "/key/{job}?state=run&series={run_id}&status={status}",
    "SUCCESS": "/key/{job}?state=complete&series={run_id}&status={status}",
    "FAILURE": "/key/{job}?state=fail&series={run_id}&status={status}&code={exit_code}",
}
RUN_IDS = "SELECT sync_job_id, run_id::text FROM quper.sync_logs"
PASSES = "SELECT DISTINCT correlation_id::text FROM quper.sync_logs"


def urls(at: str, templates: dict[str, str]) -> dict[str, str]:
    return {f"QUPERSYNC_PING_{moment}_URL": at + path for moment, path in templates.items()}


def run(world: World, monitor: Monitor, templates: dict[str, str], *words: str) -> Done:
    return world.shell.type("run", *words, **urls(monitor.url, templates), no_proxy="*")


def test_a_pass_is_told_once_with_the_id_that_its_runs_share(world: World):
    with monitoring() as monitor:
        done = run(world, monitor, OF_PASS, "items")

    [(pass_id,)] = world.rows(PASSES)
    assert done.code == 0
    assert monitor.paths == [f"/key/start/{pass_id}", f"/key/0/{pass_id}"]


def test_a_failed_pass_is_told_with_its_exit_code(world: World):
    templates = {"SUCCESS": "/key/good", "FAILURE": "/key/{exit_code}?{status}"}
    with monitoring() as monitor:
        done = run(world, monitor, templates, "--all")

    assert (done.code, monitor.paths) == (1, ["/key/1?failed"])


def test_each_job_is_told_by_its_name_where_the_template_has_one(world: World):
    with monitoring() as monitor:
        run(world, monitor, OF_JOB, "--all")

    ids = dict(world.rows(RUN_IDS))
    assert monitor.paths == [
        f"/key/items?state=run&series={ids['items']}&status=running",
        f"/key/items?state=complete&series={ids['items']}&status=success",
        f"/key/broken?state=run&series={ids['broken']}&status=running",
        f"/key/broken?state=fail&series={ids['broken']}&status=failed&code=1",
    ]


@pytest.mark.parametrize(
    ("job", "variables", "code"), [("itemz", {}, 2), ("items", {"POSTGRES_PORT": "1"}, 4)]
)
def test_a_pass_that_could_not_begin_is_told_as_failed(
    world: World, job: str, variables: dict[str, str], code: int
):
    world.shell.variables |= variables
    with monitoring() as monitor:
        done = run(world, monitor, {"FAILURE": "/key/{exit_code}"}, job)

    assert (done.code, monitor.paths) == (code, [f"/key/{code}"])


def test_what_a_person_runs_by_hand_says_nothing_of_the_schedule(world: World):
    with monitoring() as monitor:
        run(world, monitor, OF_PASS, "items", "--trigger", "manual")
        assert monitor.paths == []
        run(world, monitor, OF_JOB, "items", "--trigger", "manual")

    assert len(monitor.paths) == 2


def test_a_held_job_is_told_of_by_the_run_that_holds_it(world: World):
    world.at_target(HOLD)
    with monitoring() as monitor:
        codes = [run(world, monitor, paths, "--tag", "things").code for paths in (OF_PASS, OF_JOB)]

    assert codes == [0, 0]
    assert [path.split("/")[2] for path in monitor.paths] == ["start"]


@pytest.mark.parametrize("behaviour", [{"status": 500}, {"status": 404}])
def test_a_monitor_that_refuses_changes_no_exit_code(world: World, behaviour: dict[str, Any]):
    with monitoring(**behaviour) as monitor:
        done = run(world, monitor, OF_PASS, "items")

    assert done.code == 0
    assert_nothing_leaked(done)
    assert [(r["event"], r["reason"]) for r in done.records if "ping" in r] == [
        ("ping not sent", f"HTTP status {monitor.status}")
    ] * 2


def test_a_monitor_that_is_away_changes_no_exit_code(world: World):
    address = nobody()
    done = world.shell.type("run", "items", **urls(address, OF_PASS), no_proxy="*")

    assert done.code == 0
    assert_nothing_leaked(done)
    assert address not in done.err
    assert {r["reason"] for r in done.records if "ping" in r} == {"ConnectionRefusedError"}


def test_a_quiet_run_is_silent_though_the_monitor_is_away(world: World):
    done = world.shell.type("run", "items", "-q", **urls(nobody(), OF_PASS), no_proxy="*")

    assert done == Done(code=0, out="", err="")


def test_debug_logs_show_no_url(world: World):
    with monitoring() as monitor:
        variables = urls(monitor.url, OF_JOB) | {"QUPERSYNC_LOG_LEVEL": "debug", "no_proxy": "*"}
        done = world.shell.type("run", "--all", **variables)

    assert len(monitor.paths) == 4
    assert_nothing_leaked(done)


def test_the_loading_does_not_wait_for_a_monitor_that_hangs(world: World):
    variables = urls("{}", {"START": "/key/start"})
    with monitoring(hangs=True) as monitor:
        variables = {name: url.format(monitor.url) for name, url in variables.items()}
        world.shell.variables |= variables | {"no_proxy": "*"}
        with world.shell.start("run", "items") as process:
            assert process.stderr is not None
            record = process.stderr.readline()  # while the ping still hangs
            monitor.release.set()
            assert process.wait(timeout=60) == 0

    assert '"run finished"' in record
    assert monitor.paths == ["/key/start"]


def assert_nothing_leaked(done: Done) -> None:
    assert "/key" not in done.err + done.out
