"""The commands backfill, retry and replay as a user types them."""

import pytest

from tests.cli.shell import World, seen

TABLE = "CREATE TABLE events (id int PRIMARY KEY, at timestamp)"
JOBS = """\
version: 1
jobs:
  events:
    sql: SELECT id, at FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    watermark: {column: at, initial: 1d, overlap: 1h}
  things:
    sql: SELECT id FROM events
    target: public.things
    key: [id]
    mode: snapshot
"""
BAD = """\
  bad:
    sql: SELECT id, at FROM nowhere WHERE at >= :low AND at < :high
    target: public.bad
    key: [id]
    watermark: {column: at, initial: 1d, overlap: 1h}
    columns: {id: integer, at: timestamp}
"""
BROKEN = JOBS.replace("SELECT id, at", "SELECT 1 / (id - id) AS one, id, at", 1).replace(
    "overlap: 1h}", "overlap: 1h}\n    columns: {id: integer, at: timestamp}"
)


@pytest.fixture
def world(world: World) -> World:
    """Ten events, one a day, the newest an hour old."""
    world.shell.write_jobs(JOBS)
    world.at_source(
        TABLE,
        "INSERT INTO events SELECT i, localtimestamp - i * interval '1 day' - interval '1 hour'"
        " FROM generate_series(0, 9) AS i",
    )
    world.at_target(
        TABLE, TABLE.replace("events", "bad"), "CREATE TABLE things (id int PRIMARY KEY)"
    )
    return world


def test_a_backfill_says_before_what_it_will_read_and_after_each_piece_how_much_is_left(
    world: World,
):
    done = world.shell.type(
        "backfill", "events", "--since", "3d", QUPERSYNC_LOG_FORMAT="text", TIMEZONE="UTC"
    )

    assert done.code == 0, done.err
    first, *lines = done.err.splitlines()
    assert first.startswith("events: ")
    assert first.endswith(" in 3 pieces")
    told = [line for line in lines if "pieces done" in line]
    assert told[0].startswith("1 of 3 pieces done, about ")
    assert told[2] == "all 3 pieces done"
    assert world.rows("SELECT count(*) FROM events") == [(3,)]


def test_a_backfill_without_names_takes_the_jobs_with_a_watermark_in_time(world: World):
    done = world.shell.type("backfill", "--since", "2d", "-o", "json")

    assert (done.code, {run["job"] for run in done.document["runs"]}) == (0, {"events"})
    assert {run["trigger"] for run in done.document["runs"]} == {"backfill"}


def test_what_a_backfill_cannot_reach_is_a_sentence_for_people_and_a_record_elsewhere(
    world: World,
):
    words = ("backfill", "events", "--since", "30d", "--chunk", "30d")

    people = world.shell.type(*words, QUPERSYNC_LOG_FORMAT="text")
    quiet = world.shell.type(*words, "-q", QUPERSYNC_LOG_FORMAT="text")
    cron = world.shell.type(*words)

    assert people.err.startswith("events: nothing is left from before ")
    assert quiet.err == ""
    assert cron.records[0]["warning"].startswith("nothing is left from before ")


def test_a_job_that_cannot_be_planned_is_named_and_stops_no_other(world: World):
    world.shell.write_jobs(JOBS + BAD)

    done = world.shell.type("backfill", "--since", "2d", "-o", "json")

    assert (done.code, {run["job"] for run in done.document["runs"]}) == (1, {"events"})
    assert done.document["errors"][0].startswith("job bad: Redshift answered: ")


def test_a_job_that_cannot_be_planned_is_named_once(world: World):
    world.at_target("INSERT INTO events VALUES (1, now())")  # and nobody knows from where on

    done = world.shell.type("backfill", "events", "--since", "2d")

    assert (done.code, done.err.count("job events")) == (1, 1), done.err


def test_a_backfill_of_a_snapshot_is_wrong_usage(world: World):
    done = world.shell.type("backfill", "things", "--since", "2d")

    assert (done.code, done.out) == (2, "")
    assert "job things: it is a snapshot" in done.err


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--since", "yesterday"),
        ("--since", "7"),
        ("--until", "7x"),
        ("--chunk", "5"),
        ("--chunk", "0s"),
    ],
)
def test_a_time_that_cannot_be_read_is_wrong_usage(world: World, option, text):
    words = {"--since": "2d"} | {option: text}

    done = world.shell.type("backfill", *(word for pair in words.items() for word in pair))

    assert done.code == 2
    assert option in done.err


def test_a_time_without_a_zone_means_the_configured_one(world: World):
    done = world.shell.type(
        "backfill", "events", "--since", "2020-01-01T02:00", "--until", "2020-01-01",
        TIMEZONE="Europe/Berlin",
    )  # fmt: skip

    assert "2020-01-01T01:00:00.000000Z and 2019-12-31T23:00:00.000000Z" in done.err


def test_a_broken_backfill_names_the_command_that_reads_the_rest(world: World):
    world.shell.write_jobs(BROKEN)

    done = world.shell.type("backfill", "events", "--since", "3d")

    assert done.code == 1
    [line] = [line for line in done.err.splitlines() if line.startswith("the rest: ")]
    world.shell.write_jobs(JOBS)
    rest = world.shell.type(*line.removeprefix("the rest: qupersync ").split(), "-o", "json")
    assert (rest.code, len(rest.document["runs"])) == (0, 3), rest.err


def test_a_retry_runs_what_failed_last_and_then_nothing(world: World):
    world.shell.write_jobs(BROKEN)
    world.shell.type("run", "events")
    world.shell.write_jobs(JOBS)

    done = world.shell.type("retry", "-o", "json")
    again = world.shell.type("retry")
    shown = seen(world.shell.on_a_terminal("retry", columns=80), 80)

    [run] = done.document["runs"]
    assert (done.code, run["job"], run["trigger"]) == (0, "events", "retry")
    assert (again.code, again.err) == (
        0, "nothing to retry: the last run of each job succeeded, or there is none\n",
    )  # fmt: skip
    assert [line.split()[0] for line in shown] == ["nothing", "next:"]


def test_a_replay_is_linked_to_the_run_that_it_repeats(world: World):
    [past] = world.shell.type("run", "events", "-o", "json").document["runs"]

    [run] = world.shell.type("replay", past["run_id"], "-o", "json").document["runs"]

    assert (run["replay_of"], run["window_low"]) == (past["run_id"], past["window_low"])


def test_a_run_is_known_by_the_short_id_that_history_shows(world: World):
    [past] = world.shell.type("run", "events", "-o", "json").document["runs"]

    done = world.shell.type("replay", past["run_id"][:8], "-o", "json")

    assert (done.code, done.document["runs"][0]["replay_of"]) == (0, past["run_id"])


def test_a_backfill_says_nothing_of_whether_the_job_is_fresh(world: World):
    world.shell.write_jobs(BROKEN)
    world.shell.type("run", "events")
    world.shell.write_jobs(JOBS)

    filled = world.shell.type("backfill", "events", "--since", "3d", "--until", "2d")
    status = world.shell.type("status", "events", "--check", "-o", "json")
    [retried] = world.shell.type("retry", "-o", "json").document["runs"]

    assert (filled.code, status.code, status.document[0]["state"]) == (0, 1, "failed")
    assert retried["trigger"] == "retry"


def test_a_failed_run_is_retried_by_its_short_id(world: World):
    world.shell.write_jobs(BROKEN)
    [past] = world.shell.type("run", "events", "-o", "json").document["runs"]
    world.shell.write_jobs(JOBS)

    done = world.shell.type("retry", past["run_id"][:8], "-o", "json")

    assert (done.code, done.document["runs"][0]["replay_of"]) == (0, past["run_id"])


@pytest.mark.parametrize("verb", ["retry", "replay"])
def test_a_run_that_is_not_known_is_wrong_usage(world: World, verb):
    done = world.shell.type(verb, "5f0c1e0e-0d6b-4b7e-9a53-2f9f4f0e9c11")

    assert done.code == 2
    assert "no run's id begins with 5f0c1e0e-0d6b-4b7e-9a53-2f9f4f0e9c11" in done.err
    assert done.err.endswith("-> qupersync history\n")


def test_a_job_that_is_held_is_not_retried(world: World):
    world.shell.write_jobs(BROKEN)
    world.shell.type("run", "events")
    world.at_target(
        "UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(),"
        " lease_expires_at = now() + interval '1 h'"
    )

    assert world.shell.type("retry").code == 7
