"""`status`, `history` and `db`: what they write, off a terminal and on one."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.shell import JOBS, MAY_LOAD, MIGRATOR, Done, World, seen

LATE = "UPDATE quper.qupersync_state SET last_success_at = now() - interval '11 minutes'"
NOTES = (
    "UPDATE quper.sync_logs SET rows_extracted = 5, rows_skipped = 2, warnings = '[\"odd\"]'"
    " WHERE status = 'success'"
    "; INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,"
    " payload_sha256, key, reason) VALUES (gen_random_uuid(), 'default', 'items', '{}', '', 'x',"
    " '', '', 'check')"
)
HOSTILE = "UPDATE quper.sync_logs SET error = E'\\x1b[2J [red]bad\\tword' WHERE error IS NOT NULL"
STATUS_KEYS = [
    "job", "state", "target", "watermark", "last_success_at", "last_success_age_s",
    "open_rejects", "expect_every_s", "loss_in_s", "gaps", "run_id", "status", "started_at",
    "completed_at", "duration_ms",
    "rows_extracted", "rows_inserted", "rows_updated", "rows_unchanged", "rows_skipped",
    "rows_deleted", "rows_late", "late_max_ms", "error_code", "error", "warnings", "next",
]  # fmt: skip


GAP = {"low": "2026-03-01T12:00:00.000000Z", "high": "2026-03-04T13:00:00.000000Z", "run_id": "x"}
GAPS = f"UPDATE quper.qupersync_state SET details = '{json.dumps({'gaps': [GAP]})}'"
# Reached two hours ago, and the source keeps rows for so many hours.
KEEPS = """
UPDATE quper.qupersync_state SET watermark_type = 'timestamp',
       watermark = to_char(now() AT TIME ZONE 'UTC' - interval '2 hours 30 s',
                           'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       details = jsonb_build_object('kept_s', 3600 * {hours})
"""
LATE_ROWS = (
    "UPDATE quper.sync_logs SET rows_late = 3, late_max_ms = 720000 WHERE status = 'success'"
)


@pytest.fixture
def ran(world: World) -> World:
    """Both jobs ran once: items well, broken not."""
    world.shell.type("run", "--all", "-q")
    return world


def lines(done: Done) -> list[dict[str, str]]:
    names, *rows = (line.split("\t") for line in done.out.splitlines())
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_status_off_a_terminal_is_lines_with_every_field(ran: World):
    items, broken = lines(ran.shell.type("status"))

    assert list(items) == STATUS_KEYS
    assert (items["state"], items["rows_extracted"], items["error"], items["next"]) == (
        "ok", "3", "", "",
    )  # fmt: skip
    assert (broken["state"], broken["error_code"], broken["rows_inserted"]) == (
        "failed", "query-failed", "0",
    )  # fmt: skip
    assert (
        broken["next"] == "try it with: qupersync plan broken; once it is repaired: qupersync retry"
    )


def test_status_says_in_words_what_is_wrong_and_what_to_type_next(ran: World):
    done = ran.shell.type("status")

    [line] = done.err.splitlines()
    assert line.startswith("broken: failed: Redshift answered: column ")
    assert line.endswith(
        " -> try it with: qupersync plan broken; once it is repaired: qupersync retry"
    )


def test_status_of_a_job_that_never_ran_names_the_command(world: World):
    done = world.shell.type("status", "items")

    assert [line["state"] for line in lines(done)] == ["never"]
    assert done.err == "items: never ran -> qupersync run items\n"


@pytest.mark.parametrize(
    ("job", "change", "code"),
    [("items", "SELECT 1", 0), ("items", LATE, 1), ("broken", "SELECT 1", 1)],
)
def test_check_is_exit_1_if_a_job_failed_or_is_stale(ran: World, job: str, change: str, code: int):
    ran.at_target(change)

    assert ran.shell.type("status", job, "--check").code == code


@pytest.mark.parametrize(("words", "told"), [([], 2), (["--check"], 0)])
def test_check_tells_of_problems_only(ran: World, words: list[str], told: int):
    ran.at_target(NOTES)

    assert ran.shell.type("status", "items", *words).err.count("\n") == told


def test_check_tells_all_about_a_problem(ran: World):
    ran.at_target(LATE, NOTES)

    assert ran.shell.type("status", "items", "--check").err.count("\n") == 3


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_an_open_gap_is_told_with_the_command_that_acknowledges_it(ran: World, words: list[str]):
    ran.at_target(GAPS)

    done = ran.shell.type("status", "items", *words)

    assert done.err == (
        "items: rows may be lost: 2026-03-01T12:00:00.000000Z to 2026-03-04T13:00:00.000000Z"
        " -> qupersync watermark ack-gap items\n"
    )
    assert (done.code, lines(done)[0]["state"]) == (1 if words else 0, "ok")


def test_open_gaps_are_for_programs_too(ran: World):
    ran.at_target(GAPS)

    [in_json] = ran.shell.type("status", "items", "-o", "json").document
    [in_lines] = lines(ran.shell.type("status", "items", "-o", "tsv"))

    assert in_json["gaps"] == [json.loads(in_lines["gaps"])] == [GAP]


def test_a_gap_is_told_once_while_it_is_open_and_not_after_that(ran: World):
    warned = 'UPDATE quper.sync_logs SET warnings = \'["gap: as it was told by the run", "odd"]\''
    ran.at_target(GAPS, warned)

    told = ran.shell.type("status", "items").err
    ran.shell.type("watermark", "ack-gap", "items", "--yes")

    assert (told.count("\n"), told.count("as it was told")) == (2, 0)
    assert ran.shell.type("status", "items").err == "items: odd\n"
    assert ran.shell.type("status", "items", "--check").code == 0


@pytest.mark.parametrize(
    ("hours", "loss_in", "note"),
    [
        (171, "7 d", ""),
        (25, "22 h", ""),
        (4, "1 h", "items: the source may drop rows behind the watermark in 1 h\n"),
        (2, "now", "items: the source may drop rows behind the watermark now\n"),
    ],
)
def test_status_tells_the_time_left_until_the_source_drops_rows(
    ran: World, hours: int, loss_in: str, note: str
):
    ran.at_target(KEEPS.format(hours=hours))

    [record] = ran.shell.type("status", "items", "-o", "json").document
    told = ran.shell.type("status", "items").err
    shown = ran.shell.on_a_terminal("status", "items", columns=200)

    assert abs(record["loss_in_s"] - (hours - 2) * 3600 + 30) < 60
    assert (told, loss_in in shown) == (note, True)


def test_a_problem_tells_the_time_left_only_when_it_is_short(ran: World):
    ran.at_target(KEEPS.format(hours=171), LATE)

    [stale] = ran.shell.type("status", "items", "--check").err.splitlines()

    assert stale.startswith("items: stale -> ")


def test_what_several_jobs_failed_of_is_told_once(ran: World):
    ran.at_target(
        "UPDATE quper.sync_logs SET status = 'failed', error = 'no login', error_code = 'x'"
    )

    told = ran.shell.type("status").err

    assert told == "items, broken: failed: no login -> qupersync run items\n"


@pytest.mark.parametrize(("words", "jobs"), [([], "--all"), (["items", "broken"], "items broken")])
def test_jobs_that_never_ran_are_told_in_one_line(world: World, words: list[str], jobs: str):
    told = world.shell.type("status", *words).err

    assert told == f"items, broken: never ran -> qupersync run {jobs}\n"


HELD = """
UPDATE quper.qupersync_leases SET lease_owner = gen_random_uuid(), lease_owner_info = 'here:1',
       lease_acquired_at = '2026-03-01 12:00Z', lease_expires_at = now() + interval '{minutes} m'
 WHERE job = 'items'
"""
OPEN = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at,
                             correlation_id, host, pid, version)
VALUES (gen_random_uuid(), 'default', 'items', 'cron', 'running', now(), gen_random_uuid(),
        '', 1, '')
"""


def test_a_running_job_tells_since_when_and_where(ran: World):
    ran.at_target(HELD.format(minutes=1), OPEN)

    done = ran.shell.type("status", "items")

    assert (lines(done)[0]["state"], done.err) == (
        "running", "items: running since 2026-03-01 12:00:00 on here:1\n",
    )  # fmt: skip


def test_a_job_that_runs_again_tells_how_it_ended_before(ran: World):
    ran.at_target(HELD.format(minutes=1).replace("'items'", "'broken'"))

    done = ran.shell.type("status", "broken", "--check")

    assert done.code == 1
    assert " on here:1; before that: failed: Redshift answered: column " in done.err


def test_check_names_run_all_only_if_no_job_ever_ran(world: World):
    world.shell.type("run", "items", "-q")

    told = world.shell.type("status", "--check").err

    assert told == "broken: never ran -> qupersync run broken\n"


def test_a_run_that_was_killed_is_a_failure_before_the_next_one(ran: World):
    ran.at_target(HELD.format(minutes=-1), OPEN)

    done = ran.shell.type("status", "items", "--check")

    assert (done.code, lines(done)[0]["state"], done.err) == (
        1, "failed", "items: failed: the run that held the job vanished -> qupersync run items\n",
    )  # fmt: skip


def test_late_rows_are_in_status_and_history(ran: World):
    ran.at_target(LATE_ROWS)

    [status] = ran.shell.type("status", "items", "-o", "json").document
    [past] = ran.shell.type("history", "items", "-o", "json").document
    shown = [ran.shell.on_a_terminal(*c, columns=200) for c in (["status"], ["history"])]

    assert (status["rows_late"], status["late_max_ms"]) == (3, 720_000)
    assert (past["rows_late"], past["late_max_ms"]) == (3, 720_000)
    assert ["3, up to 12 m" in text for text in shown] == [True, True]


def test_check_is_exit_1_if_a_job_never_ran(world: World):
    assert world.shell.type("status", "items", "--check").code == 1


def test_status_without_check_is_exit_0_whatever_it_shows(ran: World):
    assert ran.shell.type("status").code == 0


def test_status_as_json_has_stable_keys_and_utc_times(ran: World):
    done = ran.shell.type("status", "-o", "json", TIMEZONE="Asia/Tokyo")

    items, broken = done.document
    assert list(items) == list(broken) == STATUS_KEYS
    assert (items["rows_inserted"], items["warnings"], items["expect_every_s"]) == (3, [], 300)
    assert items["last_success_at"].endswith("Z")
    assert broken["last_success_at"] is None


def test_lines_show_times_in_the_users_zone(ran: World):
    items, _ = lines(ran.shell.type("status", TIMEZONE="Asia/Tokyo"))

    at = datetime.fromisoformat(items["started_at"])
    [(started_at,)] = ran.rows("SELECT started_at FROM quper.sync_logs WHERE sync_job_id = 'items'")
    assert (at, at.utcoffset()) == (started_at.astimezone(UTC), timedelta(hours=9))


def test_history_is_the_newest_first_and_as_long_as_asked(ran: World):
    ran.shell.type("run", "items", "-q")

    everything = ran.shell.type("history", "-o", "json").document
    newest = ran.shell.type("history", "--limit", "1", "-o", "json").document
    of_one = ran.shell.type("history", "items", "-o", "json").document

    assert [run["job"] for run in everything] == ["items", "broken", "items"]
    assert newest == everything[:1]
    assert [run["rows_unchanged"] for run in of_one] == [3, 0]


def test_history_and_the_summary_of_run_describe_a_run_alike(world: World):
    [told] = world.shell.type("run", "items", "-o", "json").document["runs"]
    [kept] = world.shell.type("history", "items", "-o", "json").document

    assert (told.pop("next"), told.pop("lateness")) == (None, {})
    assert told == kept


def test_what_the_database_holds_cannot_move_the_cursor_or_make_a_column(ran: World):
    ran.at_target(HOSTILE)

    done = ran.shell.type("status", "broken")

    [broken] = lines(done)
    assert broken["error"] == r"\x1b[2J [red]bad\tword"
    assert r"\x1b[2J [red]bad" in done.err
    assert "\x1b" not in done.err


def test_a_terminal_shows_what_the_database_holds_as_it_is(ran: World):
    ran.at_target(HOSTILE, "UPDATE quper.qupersync_state SET watermark = E'\\x1b[2JT[b]'")

    shown = ran.shell.on_a_terminal("status", columns=200)

    assert r"\x1b[2JT[b]" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (80, "JOB STATE SUCCESS WATERMARK READ WRITTEN TOOK"),
        (
            200,
            "JOB STATE SUCCESS WATERMARK READ WRITTEN NEW CHANGED SAME REJECTED LATE LOSS IN TOOK",
        ),
    ],
)
def test_the_status_table_fits_the_terminal(ran: World, columns: int, titles: str):
    ran.at_target(
        "UPDATE quper.qupersync_state SET watermark = '2026-03-01T12:00:00.123456Z',"
        " last_success_at = now() - interval '200 s'"
    )

    shown = ran.shell.on_a_terminal("status", "items", columns=columns).splitlines()

    assert plain(shown[0]).split() == titles.split()
    assert plain(shown[1]).startswith("items  ok     3 m ago  2026-03-01 12:00:00     3        3")
    assert max(len(plain(line)) for line in shown) <= columns


def plain(line: str) -> str:
    return line.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_history_on_a_terminal_is_a_table_with_the_errors_below(ran: World):
    shown = ran.shell.on_a_terminal("history", columns=80).splitlines()

    assert plain(shown[0]).split() == [
        "STARTED", "JOB", "STATUS", "READ", "WRITTEN", "TOOK", "RUN",
    ]  # fmt: skip
    assert [line.split()[2:6] for line in shown[1:3]] == [
        ["broken", "failed", "0", "0"],
        ["items", "success", "3", "3"],
    ]
    assert shown[3].startswith("broken: Redshift answered: column ")


def test_a_wide_history_has_trigger_and_window(ran: World):
    ran.at_target("UPDATE quper.sync_logs SET window_low = '7', window_high = '9'")

    titles, first, *_ = ran.shell.on_a_terminal("history", columns=200).splitlines()

    assert plain(titles).split()[-4:] == ["TOOK", "TRIGGER", "WINDOW", "RUN"]
    assert " cron     7 to 9  " in first


@pytest.mark.parametrize("columns", [80, 130, 200])
def test_a_line_of_history_is_never_broken(ran: World, columns: int):
    ran.at_target(
        "UPDATE quper.sync_logs SET sync_job_id = 'table_scan_stats', rows_extracted = 19,"
        " rows_upserted = 19, rows_inserted = 19, window_low = '2026-03-01T12:00:00.123456Z',"
        " window_high = '2026-03-02T12:00:00.123456Z' WHERE sync_job_id = 'items'"
    )

    _, *runs = ran.shell.on_a_terminal("history", columns=columns).splitlines()

    assert [line.split()[2] for line in runs[:2]] == ["broken", "table_scan_stats"]


def test_history_shows_as_much_of_an_id_as_show_takes(ran: World):
    run = ran.shell.on_a_terminal("history", "items", columns=80).splitlines()[1].split()[-1]

    assert ran.shell.type("show", run, "-o", "json").document["job"] == "items"


def test_an_error_that_came_often_is_told_once_with_what_to_type(ran: World):
    ran.shell.type("run", "broken", "-q")

    shown = ran.shell.on_a_terminal("history", columns=80).splitlines()

    newest = shown[1].split()[-1]
    assert len(shown) == 5
    assert re.match(r"broken: 2 times since 20\d\d-\S+ \S+: Redshift answered: column ", shown[4])
    assert shown[4].endswith(
        " -> try it with: qupersync plan broken; once it is repaired: qupersync retry;"
        f" more: qupersync show {newest}"
    )


def test_an_error_that_is_over_needs_nothing_typed(ran: World):
    ran.shell.write_jobs(JOBS.replace("id, nothing", "id"))
    ran.shell.type("run", "broken", "-q")

    shown = ran.shell.on_a_terminal("history", "broken", columns=80).splitlines()

    assert " -> it works again; more: qupersync show " in shown[-1]


@pytest.mark.parametrize("words", [[], ["broken"]])
def test_a_history_of_failures_has_no_other_runs(ran: World, words: list[str]):
    ran.shell.type("run", "--all", "-q")
    ran.at_target("UPDATE quper.sync_logs SET status = 'skipped' WHERE sync_job_id = 'items'")

    runs = ran.shell.type("history", *words, "--failed", "-o", "json").document

    assert [(run["job"], run["status"]) for run in runs] == [("broken", "failed")] * 2


def test_list_on_a_terminal_is_a_table(world: World):
    shown = world.shell.on_a_terminal("list", columns=80).splitlines()

    assert [plain(line).split() for line in shown] == [
        ["JOB", "MODE", "TARGET", "TAGS"],
        ["items", "snapshot", "public.items", "things"],
        ["broken", "snapshot", "public.others"],
    ]


def test_no_colour_is_used(ran: World):
    shown = ran.shell.on_a_terminal("status", columns=80)

    assert set(re.findall("\x1b[^m]*m", shown)) <= {"\x1b[1m", "\x1b[0m"}


def test_a_run_on_a_terminal_is_a_line_for_each_job_and_a_table(world: World):
    shown = seen(world.shell.on_a_terminal("run", "items", columns=120), 120)

    assert shown[0].startswith("success  items in ")
    assert shown[0].endswith(": 3 read: 3 new")
    assert [line.split()[:4] for line in shown[1:]] == [
        ["JOB", "STATUS", "READ", "WRITTEN"],
        ["items", "success", "3", "3"],
        ["next:", "qupersync", "status"],
    ]
    assert world.rows("SELECT trigger FROM quper.sync_logs") == [("manual",)]


def test_a_run_on_a_terminal_tells_of_deleted_rows(world: World):
    world.shell.type("run", "items", "-q")
    world.at_source("DELETE FROM items WHERE id = 1")

    shown = seen(world.shell.on_a_terminal("run", "items", columns=120), 120)

    assert shown[0].endswith(": 2 read: 2 the same, 1 deleted")


def test_a_failure_on_a_terminal_says_what_to_do(world: World):
    shown = world.shell.on_a_terminal("run", "broken", "-q", columns=80)

    assert shown.startswith("failed   broken in ")
    assert shown.endswith(
        " -> try it with: qupersync plan broken; once it is repaired: qupersync retry\n"
    )


def test_db_current_and_check_tell_the_revision(world: World):
    assert world.shell.type("db", "current") == Done(code=0, out="0003\n", err="")
    assert world.shell.type("db", "check") == Done(
        code=0, out="quper is at revision 0003, as this version needs it\n", err=""
    )


def test_db_upgrade_makes_the_schema_and_may_be_repeated(world: World):
    world.at_target("DROP SCHEMA quper CASCADE")
    world.shell.variables |= MIGRATOR

    before = world.shell.type("db", "current"), world.shell.type("db", "check")
    first, second = world.shell.type("db", "upgrade"), world.shell.type("db", "upgrade")

    assert (before[0].out, before[1].code) == ("none\n", 5)
    assert first == second == Done(code=0, out="quper is at revision 0003\n", err="")


def test_db_create_makes_the_target_that_the_query_describes(world: World):
    world.at_target("DROP TABLE items")

    done = world.shell.type("db", "create", "items", **MIGRATOR)

    assert done == Done(
        code=0,
        out='CREATE TABLE "public"."items" ("id" integer, "name" text, PRIMARY KEY ("id"));\n',
        err="",
    )
    world.at_target(MAY_LOAD)
    assert world.shell.type("run", "items", "-q").code == 0


def test_db_create_does_not_touch_a_table_that_is_there(world: World):
    done = world.shell.type("db", "create", "items", **MIGRATOR)

    line = "error: public.items is there already -> qupersync run items\n"
    assert done == Done(code=1, out="", err=line)


@pytest.mark.parametrize("words", [["status"], ["history"]])
def test_a_report_without_the_schema_is_exit_5(world: World, words: list[str]):
    world.at_target("DROP SCHEMA quper CASCADE")

    done = world.shell.type(*words)

    assert (done.code, done.out) == (5, "")
    assert done.err.endswith(" -> qupersync db upgrade\n")


def test_rows_set_aside_are_told_until_somebody_resolves_them(world: World):
    world.shell.type("run", "items", "-q")
    world.at_target(NOTES)
    world.shell.type("run", "items", "-q")

    told = world.shell.type("status", "items")
    world.at_target("UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded'")

    assert told.err == "items: 1 row set aside -> qupersync rejects list items\n"
    assert world.shell.type("status", "items").err == ""
