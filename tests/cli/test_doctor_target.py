"""What doctor finds in the target; typed, the remedy it names is one."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.cli.checkup import check, line, states
from tests.cli.shell import JOBS, MAY_LOAD, MIGRATOR, World

INCREMENTAL = """\
version: 1
jobs:
  items:
    sql: SELECT id, changed FROM items WHERE changed >= :low AND changed < :high
    target: public.items
    key: [id]
    watermark: {column: changed, initial: 7d, overlap: 1h}
    columns: {id: integer, changed: timestamp}
"""
LATE_RUN = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at,
  completed_at, correlation_id, host, pid, version, rows_late, late_max_ms)
VALUES (gen_random_uuid(), 'default', 'items', 'cron', 'success', now() - interval '9 days', now(),
  gen_random_uuid(), 'host', 1, '0', 1, 3000000)
"""
EXPIRED = """
INSERT INTO quper.qupersync_leases (source, job, lease_owner, lease_owner_info, lease_acquired_at,
  lease_expires_at)
VALUES ('default', 'items', gen_random_uuid(), 'batch7 pid 4711 qupersync 0.1.0',
  '2026-03-01 11:00+00', '2026-03-01 12:00+00')
"""


def test_a_missing_target_is_made_by_the_command_named(world: World):
    world.at_target("DROP TABLE items")

    missing = line(world.shell, "target of items")

    assert (missing["state"], missing["remedy"]) == ("fail", "qupersync db create items")
    world.shell.type(*missing["remedy"].split()[1:], **MIGRATOR)
    world.at_target(MAY_LOAD)
    assert line(world.shell, "target of items")["state"] == "ok"


def test_a_unique_index_on_another_column_is_told_with_the_statement_for_the_right_one(
    world: World,
):
    world.at_target("ALTER TABLE items DROP CONSTRAINT items_pkey, ADD UNIQUE (name)")

    wrong = line(world.shell, "target of items")

    assert wrong["state"] == "fail"
    world.at_target(wrong["remedy"])
    assert line(world.shell, "target of items")["state"] == "ok"


def test_a_column_of_another_type_is_told(world: World):
    world.shell.write_jobs(INCREMENTAL)
    world.at_target("ALTER TABLE items ADD changed date")

    found = line(world.shell, "target of items")

    assert found["state"] == "fail"
    assert "'changed' is date, the job says timestamp" in found["found"]
    assert "qupersync db create items" in found["remedy"]


def test_a_target_of_another_job_is_told(world: World):
    world.at_target(
        "INSERT INTO quper.qupersync_state (source, job, target_table)"
        " VALUES ('elsewhere', 'theirs', 'public.items')"
    )

    found = line(world.shell, "target of items")

    assert found["state"] == "fail"
    assert "job theirs of source elsewhere" in found["found"]


def repaired(world: World) -> list[str]:
    """Do at the target what doctor says until nothing is left; tell what was wrong."""
    done: list[str] = []
    while failed := [x for x in check(world.shell)[1].values() if x["state"] == "fail"]:
        assert not {found["check"] for found in failed} & set(done)
        done += [found["check"] for found in failed]
        world.at_target(*(found["remedy"] for found in failed))
    return done


def test_missing_rights_in_the_target_come_with_the_statements(world: World):
    role = f"nobody_{conninfo_to_dict(world.target)['dbname']}"
    world.at_target(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    world.shell.variables |= {"POSTGRES_USER": role, "POSTGRES_PASSWORD": "x"}
    try:
        assert repaired(world) == [
            "revision", "own tables", "target of items", "target of broken",
        ]  # fmt: skip
        assert world.shell.type("run", "items", "-q").code == 0
    finally:
        world.at_target(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_schema_that_may_not_be_entered_comes_with_the_statement(world: World):
    role = f"nobody_{conninfo_to_dict(world.target)['dbname']}"
    world.at_target(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
        f"GRANT USAGE ON SCHEMA quper TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA quper TO {role}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA quper TO {role}",
        "CREATE SCHEMA shut",
        "ALTER TABLE items SET SCHEMA shut",
        f"GRANT ALL ON shut.items, others TO {role}",
    )
    world.shell.write_jobs(JOBS.replace("public.items", "shut.items"))
    world.shell.variables |= {"POSTGRES_USER": role, "POSTGRES_PASSWORD": "x"}
    try:
        assert repaired(world) == ["target of items"]
        assert world.shell.type("run", "items", "-q").code == 0
    finally:
        world.at_target(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_an_old_schema_is_told_and_nothing_in_it_is_called_ok(world: World):
    world.at_target("UPDATE quper.qupersync_version SET version_num = '0001'")

    code, lines = check(world.shell)

    assert code == 1
    assert lines["revision"]["remedy"] == "qupersync db upgrade"
    assert states(lines)["targets, leases, overlaps"] == "warn"
    assert "target of items" not in lines


def test_a_target_that_does_not_answer_is_told(world: World):
    code, lines = check(world.shell, POSTGRES_DB="nowhere")

    assert code == 1
    assert "nowhere" in lines["PostgreSQL login"]["found"]
    assert "POSTGRES_DB" in lines["PostgreSQL login"]["remedy"]
    assert states(lines)["view items"] == "ok"


def test_a_lease_of_a_run_that_vanished_names_it(world: World):
    world.at_target(EXPIRED)

    code, lines = check(world.shell)
    lease = lines["lease of items"]

    assert (code, lease["state"], lease["remedy"]) == (0, "warn", "qupersync run items")
    assert "since 2026-03-01 11:00 UTC by batch7 pid 4711" in lease["found"]


def test_a_lease_of_a_run_at_work_is_ok(world: World):
    world.at_target(EXPIRED, "UPDATE quper.qupersync_leases SET lease_expires_at = 'infinity'")

    assert line(world.shell, "leases")["state"] == "ok"


@pytest.mark.parametrize(("overlap", "state", "remedy"), [
    ("1h", "warn", "set overlap: 1h40m"), ("1h40m", "ok", None),
])  # fmt: skip
def test_an_overlap_shorter_than_rows_are_late_is_told(
    world: World, overlap: str, state: str, remedy: str | None
):
    world.shell.write_jobs(INCREMENTAL.replace("overlap: 1h", f"overlap: {overlap}"))
    world.at_target("ALTER TABLE items ADD changed timestamp", LATE_RUN)

    found = line(world.shell, "overlap of items")

    assert (found["state"], found["remedy"]) == (state, remedy)
    assert "up to 50m late" in found["found"]


def test_an_overlap_that_no_run_has_tried_is_ok_and_says_so(world: World):
    world.shell.write_jobs(INCREMENTAL)
    world.at_target("ALTER TABLE items ADD changed timestamp")

    assert "no run in the last 30 days" in line(world.shell, "overlap of items")["found"]
