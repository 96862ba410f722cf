"""One id goes through all that a pass leaves: rows, log lines, and connections on both servers."""

from uuid import UUID

import psycopg

from qupersync.demo.faults import AtSql, Delay, Fault
from tests.cli.shell import World

NAMES = (
    "SELECT DISTINCT application_name FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'qupersync%'"
)


def test_rows_records_and_connections_bear_the_id_of_their_pass(world: World):
    pause = Delay(seconds=60)
    held = world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=pause))

    running = world.shell.start("run", "items", "broken")
    assert held.reached.wait(60)
    with psycopg.connect(world.source) as source:
        [at_source] = source.execute(NAMES).fetchall()
    [at_target] = world.rows(NAMES)
    pause.until.set()
    _, err = running.communicate(timeout=60)

    [(pass_id,)] = world.rows("SELECT DISTINCT correlation_id FROM quper.sync_logs")
    assert at_source == at_target == (f"qupersync {pass_id}",)
    lines = [line for line in err.splitlines() if "correlation_id" in line]
    assert len(lines) == 2
    assert all(str(UUID(str(pass_id))) in line for line in lines)


def test_a_second_run_answers_with_the_id_of_the_first(world: World):
    pause = Delay(seconds=60)
    held = world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=pause))

    running = world.shell.start("run", "items")
    assert held.reached.wait(60)
    second = world.shell.type("run", "items")
    pause.until.set()
    running.communicate(timeout=60)

    [(first,)] = world.rows("SELECT run_id FROM quper.sync_logs WHERE status = 'success'")
    assert second.code == 7
    assert f"job items is held by run {first}, " in " ".join(second.err.split())
    [(why,)] = world.rows("SELECT error FROM quper.sync_logs WHERE status = 'skipped'")
    assert why.startswith(f"held by run {first}, ")
