"""`metrics`: what Prometheus reads of the jobs."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.shell import Done, World

OPEN_REJECT = """
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
                                payload_sha256, key, reason)
SELECT gen_random_uuid(), 'default', 'items', '{}', '', 'x', int4send(n), '', 'check'
  FROM generate_series(1, 4) AS n
"""
RESOLVE_ONE = """
UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded' WHERE reject_id = 1
"""
WATERMARK = "UPDATE quper.qupersync_state SET watermark = '{}', watermark_type = '{}'"
AT_WORK = """
UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(),
       lease_expires_at = now() + interval '{}' WHERE job = 'items';
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at,
                             correlation_id, host, pid, version)
VALUES (gen_random_uuid(), 'default', 'items', 'cron', 'running', to_timestamp(1700000000),
        gen_random_uuid(), 'host', 1, '0');
"""
LONG_AGO = "UPDATE quper.sync_logs SET started_at = started_at - interval '25 hours'"
ROWS = dict.fromkeys(("updated", "unchanged", "deduplicated", "skipped", "deleted"), 0.0)


@pytest.fixture
def ran(world: World) -> World:
    """Both jobs ran once: items well, broken not."""
    world.shell.type("run", "--all", "-q")
    return world


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def read(world: World, **variables: str) -> dict[str, Metric]:
    done = world.shell.type("metrics", **variables)
    assert (done.code, done.err) == (0, "")
    return families(done.out)


def values(family: Metric, job: str) -> dict[str, float]:
    """The values of one job by the metric's further label, or under an empty text."""
    return {
        "".join(of for name, of in sample.labels.items() if name not in {"source", "sync_job"}): (
            sample.value
        )
        for sample in family.samples
        if sample.labels.get("sync_job") == job
    }


def value(world: World, name: str, job: str = "items") -> float | None:
    return values(read(world)[f"qupersync_{name}"], job).get("")


def test_the_metrics_of_a_run_are_those_of_the_run_log(ran: World):
    metrics = read(ran)

    [(ms, success, ended)] = ran.rows(
        "SELECT last_duration_ms, extract(epoch FROM last_success_at)::float8,"
        " extract(epoch FROM last_completed_at)::float8"
        "  FROM quper.sync_status_v1 WHERE job = 'items'"
    )
    simple = {
        "last_success_timestamp_seconds": success,
        "last_run_timestamp_seconds": ended,
        "last_run_duration_seconds": ms / 1000,
        "consecutive_failures": 0,
        "stale_after_seconds": 600,
        "timeout_seconds": 3600,
        "running": 0,
        "running_since_timestamp_seconds": 0,
        "open_rejects": 0,
    }
    assert {name: values(metrics[f"qupersync_{name}"], "items") for name in simple} == {
        name: {"": pytest.approx(number)} for name, number in simple.items()
    }
    assert values(metrics["qupersync_last_day_rows"], "items") == ROWS | {
        "extracted": 3.0,
        "inserted": 3.0,
    }


def test_a_failed_job_is_told_by_its_status_and_its_failures_in_a_row(ran: World):
    ran.shell.type("run", "broken", "-q")

    metrics = read(ran)

    assert values(metrics["qupersync_last_run_status"], "broken") == {
        "success": 0, "failed": 1, "dead": 0, "canceled": 0,
    }  # fmt: skip
    assert values(metrics["qupersync_last_day_runs"], "broken") == {
        "success": 0, "failed": 2, "dead": 0, "canceled": 0, "skipped": 0,
    }  # fmt: skip
    assert values(metrics["qupersync_consecutive_failures"], "broken") == {"": 2}
    assert values(metrics["qupersync_last_success_timestamp_seconds"], "broken") == {"": 0}


def test_a_run_of_one_job_keeps_the_others(ran: World):
    before = read(ran)["qupersync_last_run_timestamp_seconds"]

    ran.shell.type("run", "items", "-q")
    after = read(ran)["qupersync_last_run_timestamp_seconds"]

    assert values(after, "broken") == values(before, "broken") != {"": 0}
    assert values(after, "items") != values(before, "items")


def test_a_job_that_never_ran_has_a_zero_and_no_duration(world: World):
    assert value(world, "last_run_timestamp_seconds") == 0
    assert value(world, "last_run_duration_seconds") is None


def test_runs_of_the_day_before_do_not_count(ran: World):
    ran.at_target(LONG_AGO)

    assert values(read(ran)["qupersync_last_day_runs"], "items")["success"] == 0


def test_rejects_count_while_nobody_resolved_them(ran: World):
    ran.at_target(OPEN_REJECT, RESOLVE_ONE)

    assert value(ran, "open_rejects") == 3
    assert value(ran, "open_rejects", "broken") == 0


@pytest.mark.parametrize(
    ("lease", "running", "since"), [("1 minute", 1, 1_700_000_000), ("-1 minute", 0, 0)]
)
def test_a_run_is_at_work_while_its_lease_is_alive(
    ran: World, lease: str, running: int, since: int
):
    ran.at_target(AT_WORK.format(lease))

    assert value(ran, "running") == running
    assert value(ran, "running_since_timestamp_seconds") == since


@pytest.mark.parametrize(
    ("point", "kind", "moment"),
    [
        ("2026-03-01T12:00:00.000000Z", "timestamptz", "2026-03-01 12:00Z"),
        ("2026-03-01T12:00:00.000000Z", "timestamp", "2026-03-01 12:00Z"),
        ("2026-03-01", "date", "2026-03-01 00:00Z"),
    ],
)
def test_the_lag_is_that_of_the_watermarks_time(ran: World, point: str, kind: str, moment: str):
    ran.at_target(WATERMARK.format(point, kind))

    lag = value(ran, "watermark_lag_seconds")

    [(since,)] = ran.rows(f"SELECT extract(epoch FROM now() - timestamptz '{moment}')::float8")
    assert lag == pytest.approx(since, abs=60)


@pytest.mark.parametrize("change", ["SELECT 1", WATERMARK.format("17", "bigint")])
def test_a_job_without_a_watermark_that_is_a_time_has_no_lag(ran: World, change: str):
    ran.at_target(change)

    assert value(ran, "watermark_lag_seconds") is None


def samples(metrics: dict[str, Metric]) -> Iterator[dict[str, str]]:
    for family in metrics.values():
        yield from (sample.labels for sample in family.samples)


def test_every_sample_names_its_source_and_none_has_a_label_job(ran: World):
    hostile = 'a "quoted"\\n\nsource'

    metrics = read(ran, QUPERSYNC_SOURCE=hostile)

    labels = list(samples(metrics))
    assert {label["source"] for label in labels} == {hostile}
    assert {name for label in labels for name in label} == {"source", "sync_job", "status", "kind"}


def test_every_metric_says_what_it_means_and_none_is_a_counter(ran: World):
    metrics = read(ran).values()

    assert [metric.name for metric in metrics if not metric.documentation.endswith(".")] == []
    assert {metric.type for metric in metrics} == {"gauge"}


def to_file(world: World, path: Path) -> Done:
    return world.shell.type("metrics", "--textfile", str(path))


def test_the_textfile_is_replaced_whole_and_readable_for_everybody(ran: World, tmp_path: Path):
    path = tmp_path / "out" / "qupersync.prom"
    path.parent.mkdir()
    path.write_text("old")
    before = path.stat().st_ino
    mask = os.umask(0o077)
    try:
        done = to_file(ran, path)
    finally:
        os.umask(mask)

    assert done == Done(code=0, out="", err="")
    assert "qupersync_running" in families(path.read_text())
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_one_line_and_exit_1(ran: World, tmp_path: Path):
    path = tmp_path / "nowhere" / "qupersync.prom"

    assert to_file(ran, path) == Done(
        code=1,
        out="",
        err=f"error: {path} cannot be written: No such file or directory"
        " -> look at its folder's rights\n",
    )


def test_an_unreachable_target_leaves_the_textfile_as_it_was(ran: World, tmp_path: Path):
    path = tmp_path / "qupersync.prom"
    path.write_text("old")

    done = ran.shell.type("metrics", "--textfile", str(path), POSTGRES_DB="nowhere")

    assert done.code != 0
    assert path.read_text() == "old"


def test_minus_is_stdout(ran: World):
    assert "qupersync_running" in families(to_file(ran, Path("-")).out)


def test_prometheus_own_checker_has_nothing_to_say_where_it_is_installed(ran: World):
    """Elsewhere the parser of prometheus-client, which every other test here uses, has to do."""
    text = ran.shell.type("metrics").out
    assert families(text)
    if (promtool := shutil.which("promtool")) is not None:
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
