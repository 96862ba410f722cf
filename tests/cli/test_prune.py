"""`prune` removes old rows, and nothing that a later command asks for."""

from typing import Any

import pytest

from tests.cli.shell import World, seen
from tests.grants import PASSWORD

EVENTS = """\
version: 1
jobs:
  events:
    sql: SELECT id, at FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    watermark: {column: at, initial: 3d, overlap: 1h, chunk: 1d}
"""
TABLE = "CREATE TABLE events (id int PRIMARY KEY, at timestamp)"
ROWS = """
INSERT INTO events SELECT i, localtimestamp - i * interval '1 hour' FROM generate_series(2, 70) AS i
"""
STRTOL = """
CREATE FUNCTION strtol(text, base int) RETURNS bigint LANGUAGE sql
  RETURN CASE base WHEN 16 THEN ('x' || lpad($1, 16, '0'))::bit(64)::bigint END;
"""
AGE = """
UPDATE quper.sync_logs SET started_at = started_at - interval '{days} days',
       completed_at = completed_at - interval '{days} days';
UPDATE quper.sync_batches SET committed_at = committed_at - interval '{days} days';
UPDATE quper.sync_rejects SET resolved_at = resolved_at - interval '{days} days';
UPDATE quper.qupersync_state SET details = details || jsonb_build_object(
  'began_at', (details ->> 'began_at')::timestamptz - interval '{days} days')
"""
FIRST_ENDS_EARLY = """
UPDATE quper.sync_logs SET window_high = (window_low::timestamptz + interval '1 day')::text
 WHERE started_at = (SELECT min(started_at) FROM quper.sync_logs)
"""
REJECT = """
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
                                payload_sha256, key, reason, resolved_at, resolution)
SELECT gen_random_uuid(), 'default', 'events', '{}', '', 'x', sha256(r::bytea), 'k', 'check',
       CASE WHEN r <> 'open' THEN clock_timestamp() END, nullif(r, 'open')
  FROM unnest(ARRAY['open', 'discarded', 'replayed', 'superseded']) AS r
"""


@pytest.fixture
def events(world: World) -> World:
    """The job events ran three times; then a window of it was read again."""
    world.shell.write_jobs(EVENTS)
    world.at_source(TABLE, ROWS, STRTOL)
    world.at_target(TABLE)
    for _ in range(3):
        assert world.shell.type("run", "events", "-q").code == 0
    assert world.shell.type("backfill", "events", "--since", "2d", "-q").code == 0
    return world


def aged(world: World, days: int) -> None:
    world.at_target(AGE.format(days=days))


def pruned(world: World, *words: str) -> dict[str, int]:
    done = world.shell.type("prune", *words, "-o", "json", POSTGRES_USER="quper_migrator")
    assert done.code == 0, done.err
    return {record["kind"]: record["removed"] for record in done.document}


def count(world: World, table: str) -> int:
    [(rows,)] = world.rows(f"SELECT count(*) FROM quper.{table}")
    return int(rows)


def verified(world: World) -> tuple[int, dict[str, Any]]:
    done = world.shell.type("verify", "events", "-o", "json")
    [verdict] = done.document
    return done.code, verdict


def test_what_is_young_stays(events: World):
    aged(events, 29)

    assert pruned(events) == {"runs": 0, "batches": 0, "rejects": 0}


def test_old_rows_of_the_ledger_go_but_the_newest(events: World):
    before = count(events, "sync_batches")
    aged(events, 31)

    assert pruned(events) == {"runs": 0, "batches": before - 1, "rejects": 0}
    assert events.rows(
        "SELECT batch_seq = (SELECT batch_seq FROM quper.qupersync_state) FROM quper.sync_batches"
    ) == [(True,)]


def test_old_runs_go_but_those_that_a_later_command_asks_for(events: World):
    aged(events, 91)

    assert pruned(events)["runs"] == 2
    assert events.rows(
        "SELECT trigger, count(*) FROM quper.sync_logs GROUP BY trigger ORDER BY trigger"
    ) == [("backfill", 2), ("cron", 1)]


def test_what_was_read_is_still_proved_when_its_runs_are_gone(events: World):
    before = verified(events)
    aged(events, 91)
    pruned(events)
    aged(events, 91)
    events.shell.type("run", "events", "-q")
    pruned(events)

    code, verdict = verified(events)

    assert code == before[0] == 0
    assert verdict["compared"]["low"] == before[1]["compared"]["low"]
    assert (verdict["state"], verdict["holes"]) == (before[1]["state"], [])


def test_a_hole_stays_a_hole_when_the_runs_around_it_are_gone(events: World):
    events.at_target(
        "DELETE FROM quper.sync_logs WHERE trigger = 'backfill'",
        "UPDATE quper.sync_batches SET completes = false",
        FIRST_ENDS_EARLY,
    )
    before = verified(events)
    aged(events, 91)
    assert pruned(events)["runs"] == 2

    assert verified(events) == before
    assert before[1]["holes"]


def test_a_new_beginning_forgets_what_was_read_before_it(events: World):
    aged(events, 91)
    pruned(events)
    events.shell.type("watermark", "reset", "events", "--yes")
    spans = "SELECT jsonb_array_length(details -> 'read') FROM quper.qupersync_state"
    assert events.rows(spans) == [(1,)]
    assert verified(events)[0] == 1
    assert events.shell.type("run", "events", "-q").code == 0

    assert verified(events)[0] == 0


def test_a_backfill_is_resumed_after_its_runs_have_aged(events: World):
    aged(events, 91)
    pruned(events)

    done = events.shell.type("backfill", "events", "--since", "2d", "--resume", "-o", "json")

    assert len(done.document["runs"]) == 1  # what is new since then


def test_a_run_that_is_repeated_by_a_younger_one_stays(events: World):
    [(run_id,)] = events.rows(
        "SELECT run_id::text FROM quper.sync_logs ORDER BY started_at LIMIT 1"
    )
    aged(events, 91)
    assert events.shell.type("replay", run_id, "-q").code == 0

    assert pruned(events)["runs"] == 1
    assert events.shell.type("show", run_id).code == 0


def test_a_dry_run_counts_the_same_and_removes_nothing(events: World):
    events.at_target(REJECT)
    aged(events, 91)

    counted = pruned(events, "--dry-run")

    assert (counted["runs"], counted["rejects"], count(events, "sync_logs")) == (2, 3, 5)
    assert pruned(events) == counted


def test_resolved_rejects_go_and_open_ones_stay(events: World):
    events.at_target(REJECT)
    aged(events, 31)

    assert pruned(events, "--rejects", "5w")["rejects"] == 0
    assert pruned(events)["rejects"] == 3
    assert events.rows("SELECT resolution FROM quper.sync_rejects") == [(None,)]


def test_a_job_goes_on_after_everything_old_is_gone(events: World):
    aged(events, 200)
    pruned(events)

    assert events.shell.type("run", "events", "-q").code == 0
    assert events.shell.type("status", "events", "--check").code == 0


def test_another_sources_rows_stay(events: World):
    aged(events, 91)
    events.shell.variables["QUPERSYNC_SOURCE"] = "other"

    assert pruned(events)["runs"] == 0
    assert count(events, "sync_logs") == 5


@pytest.mark.parametrize("words", [["--runs", "90"], ["--batches", "-1d"], ["--rejects", "x"]])
def test_an_age_that_is_none_is_wrong_usage(world: World, words: list[str]):
    done = world.shell.type("prune", *words)

    assert (done.code, done.out) == (2, "")
    assert words[0] in done.err


def test_on_a_terminal_it_says_what_went(world: World):
    shown = seen(world.shell.on_a_terminal("prune", "--dry-run", columns=80), 80)

    assert shown[0].split() == ["KIND", "OLDER", "THAN", "REMOVED"]
    assert shown[-1] == "would remove 0 runs, 0 batches, 0 rejects"


def test_only_the_owner_of_the_schema_prunes(events: World):
    aged(events, 91)
    events.shell.variables |= {"POSTGRES_USER": "quper_writer", "POSTGRES_PASSWORD": PASSWORD}

    refused = events.shell.type("prune", "-o", "json")
    counted = events.shell.type("prune", "--dry-run", "-o", "json")

    assert (refused.code, counted.code, counted.document[0]["removed"]) == (6, 0, 2)
    assert "lacks DELETE on quper.sync_logs, quper.sync_batches, quper.sync_rejects" in refused.err
    assert refused.err.endswith(
        " -> prune as the owner of the schema: quper_migrator in docs/grants.sql\n"
    )
    assert count(events, "sync_logs") == 5
