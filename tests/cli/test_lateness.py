"""What a run tells of rows that appeared late: to people, to the log and to programs."""

import pytest

from tests.cli.shell import CLOCK, World

JOBS = """\
version: 1
jobs:
  items:
    sql: SELECT id, name, changed FROM items WHERE changed >= :low AND changed < :high
    target: public.items
    key: [id]
    watermark: {column: changed, initial: 7d, overlap: 1h, lag: 0s}
"""
TOLD = {"rows_late": 2, "late_max_ms": 2_400_000, "lateness": {"15m": 1, "1h": 1}}
WARNING = "rows appear up to 40m late, the overlap is 1h: set overlap: 1h20m"


@pytest.fixture
def late(world: World) -> World:
    """A job ran at noon; since then rows of 11:20 and of 11:50 have appeared."""
    world.shell.write_jobs(JOBS)
    world.at_source(
        CLOCK.replace("CREATE", "CREATE OR REPLACE").replace(
            "localtimestamp", "timestamp ''2026-03-01 12:00''"
        ),
        "ALTER TABLE items ADD changed timestamp",
    )
    world.at_target("ALTER TABLE items ADD changed timestamp")
    world.shell.type("run", "items", "-q")
    world.at_source(
        "UPDATE items SET changed = '2026-03-01 11:20' WHERE id = 1",
        "UPDATE items SET changed = '2026-03-01 11:50' WHERE id = 2",
    )
    return world


def test_the_log_and_the_summary_tell_how_late_rows_were(late: World):
    done = late.shell.type("run", "items", "-o", "json", QUPERSYNC_LOG_FORMAT="json")

    [logged], [run] = done.records, done.document["runs"]
    assert {name: logged[name] for name in TOLD} == TOLD
    assert {name: run[name] for name in TOLD} == TOLD
    assert run["warnings"] == [WARNING]


def test_the_line_for_people_tells_how_late_rows_were(late: World):
    line = late.shell.type("run", "items", QUPERSYNC_LOG_FORMAT="text").err

    assert line.endswith(f": 2 read: 2 new, 2 late by up to 40 m; {WARNING}\n")


def test_the_line_for_people_says_nothing_where_no_row_was_late(late: World):
    late.shell.type("run", "items", "-q")

    assert " late" not in late.shell.type("run", "items", QUPERSYNC_LOG_FORMAT="text").err
