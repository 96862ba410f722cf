"""The alerts and the dashboard fit the program: its metrics, and the views of its schema."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from qupersync.domain.status import JobStatus
from qupersync.domain.track_record import TrackRecord
from qupersync.infrastructure.prometheus import ENDINGS, exposition

OPS = Path(__file__).parents[1] / "ops"
RULES = YAML(typ="safe").load(OPS / "prometheus-rules.yml")["groups"][0]["rules"]
DASHBOARD = json.loads((OPS / "grafana-dashboard.json").read_text())
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIEWS = {"sync_runs_v1", "sync_status_v1"}
A_RUN = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at, completed_at,
                             duration_ms, rows_extracted, rows_upserted, rows_inserted,
                             rows_skipped, error, error_code, correlation_id, host, pid, version,
                             warnings)
VALUES (gen_random_uuid(), 'default', 'items', 'cron', '{}', now(), now(), 1, 3, 2, 2, 1, 'odd',
        'query-failed', gen_random_uuid(), 'host', 1, '0', '["odd"]')
"""
STATE = """
INSERT INTO quper.qupersync_state (source, job, target_table, watermark, watermark_type,
                                   last_run_id, last_success_at)
SELECT 'default', 'items', 'public.items', '2026-03-01T12:00:00.000000Z', 'timestamptz', run_id,
       now() FROM quper.sync_logs WHERE status = 'failed';
INSERT INTO quper.qupersync_state (source, job, target_table, watermark, watermark_type)
VALUES ('default', 'numbers', 'public.numbers', '17', 'bigint');
INSERT INTO quper.qupersync_leases (source, job, lease_owner, lease_expires_at)
VALUES ('default', 'numbers', gen_random_uuid(), now() + interval '1 hour');
"""


def metrics() -> dict[str, set[str]]:
    """The labels of each metric that the program writes."""
    status = JobStatus(job="items", target_table="", expect_every=timedelta(minutes=5), now=NOW)
    record = TrackRecord(status=status, timeout=timedelta(hours=1), watermark_at=NOW)
    families = text_string_to_metric_families(exposition([record], "default", NOW))
    return {
        family.name: {label for sample in family.samples for label in sample.labels}
        for family in families
    }


def rule(name: str) -> Any:
    [found] = [rule for rule in RULES if rule["alert"] == name]
    return found


NAMES = [rule["alert"] for rule in RULES]


def test_there_is_an_alert_for_each_way_to_go_wrong():
    assert NAMES == [
        "QuperSyncMetricsMissing",
        "QuperSyncMetricsOld",
        "QuperSyncJobNeverRan",
        "QuperSyncJobStale",
        "QuperSyncJobFailed",
        "QuperSyncJobRunsTooLong",
        "QuperSyncRejectsPileUp",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_asks_for_metrics_that_are_written(name: str):
    known = metrics()
    asked = set(re.findall(r"\bqupersync_\w+", rule(name)["expr"]))

    assert asked
    assert asked <= known.keys()


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_uses_labels_that_its_metrics_have(name: str):
    known = metrics()
    text = rule(name)["expr"] + "".join(rule(name)["annotations"].values())
    asked = set(re.findall(r"qupersync_\w+", rule(name)["expr"]))
    used = set(re.findall(r"\$labels\.(\w+)", text)) | set(re.findall(r"(\w+)=~?\"", text))

    assert used <= set.intersection(*(known[metric] for metric in asked))


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_says_how_bad_it_is_and_what_to_type(name: str):
    found = rule(name)

    assert found["labels"]["severity"] in {"critical", "warning"}
    assert found["for"]
    assert found["annotations"]["summary"]
    assert re.search(r"\bqupersync (metrics|run|status)\b", found["annotations"]["description"])


def test_the_statuses_that_an_alert_names_are_those_of_the_metric():
    [named] = re.findall(r'status=~"([^"]+)"', rule("QuperSyncJobFailed")["expr"])

    assert set(named.split("|")) < set(ENDINGS)


def statements() -> Iterator[tuple[str, str, str]]:
    """Each statement of the dashboard: its title, its format, its text."""
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"${variable['name']}", "variable", variable["query"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["format"], target["rawSql"]


STATEMENTS = list(statements())
each_statement = pytest.mark.parametrize(
    ("form", "text"),
    [pytest.param(form, text, id=title) for title, form, text in STATEMENTS],
)


def as_grafana_sends(text: str) -> str:
    """The statement with Grafana's macros and variables replaced as its manual says."""
    for macro, sql in (
        (r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - interval '1 day' AND now()"),
        (
            r"\$__timeGroupAlias\((\w+), \$__interval\)",
            r'to_timestamp(floor(extract(epoch FROM \1) / 60) * 60) AS "time"',
        ),
        (r"\$\{source:sqlstring\}", "'default'"),
        (r"\$\{job:sqlstring\}", "'items','numbers'"),
    ):
        text = re.sub(macro, sql, text)
    return text


@pytest.fixture
def filled(target: str) -> str:
    """A migrated database with a good and a failed run, and a job at work."""
    with psycopg.connect(target) as connection:
        for status in ("success", "failed"):
            connection.execute(A_RUN.format(status).encode())
        connection.execute(STATE.encode())
    return target


@each_statement
def test_a_statement_of_the_dashboard_finds_something(filled: str, form: str, text: str):
    with psycopg.connect(filled) as connection:
        cursor = connection.execute(as_grafana_sends(text).encode())
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()

    assert rows
    assert ("time" in names) == (form == "time_series")
    assert any(any(row) for row in rows)


@each_statement
def test_a_statement_of_the_dashboard_reads_stable_views_only(form: str, text: str):
    read = re.findall(r"(?:FROM|JOIN)\s+(?!LATERAL)([\w.]+)", re.sub(r"extract\(.*?\)", "", text))

    assert read
    assert {name.removeprefix("quper.") for name in read} <= VIEWS
    assert "$" not in as_grafana_sends(text)


def test_every_panel_has_a_place_of_its_own_and_reads_the_chosen_database():
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}
