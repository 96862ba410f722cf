"""The command cancel as a user types it, while a run is under way and while none is."""

from qupersync.demo.faults import AfterRows, Delay, Fault
from tests.cli.shell import World

JOBS = """\
version: 1
jobs:
  items:
    sql: SELECT id, name FROM items WHERE at >= :low AND at < :high
    target: public.items
    key: [id]
    watermark: {column: at, initial: 1d, overlap: 1h}
    batch_size: 10
"""


def test_a_canceled_run_keeps_its_batches_and_says_who_ended_it(world: World):
    world.shell.write_jobs(JOBS.replace("id, name FROM", "id, name, at FROM"))
    world.at_source(
        "ALTER TABLE items ADD at timestamp DEFAULT localtimestamp - interval '1 hour'",
        "INSERT INTO items SELECT i, 'n' FROM generate_series(100, 3000) AS i",
    )
    world.at_target("ALTER TABLE items ADD at timestamp")
    pause = Delay(seconds=60)
    held = world.stand_in.faults.arm(Fault(when=AfterRows(2000), what=pause))

    running = world.shell.start("run", "items")
    assert held.reached.wait(60)
    asked = world.shell.type("cancel", "items")
    pause.until.set()
    running.communicate(timeout=60)

    ((run_id, status, code, stored, inserted),) = world.rows(
        "SELECT run_id, status, error_code, (SELECT count(*) FROM public.items), rows_inserted"
        " FROM quper.sync_logs"
    )
    assert asked.code == 0, asked.err
    assert str(run_id) in asked.out
    assert (running.returncode, status, code) == (1, "canceled", "canceled")
    assert 0 < stored == inserted < 2904
    assert world.shell.type("run", "items").code == 0
    assert world.rows("SELECT count(*) FROM public.items") == [(2904,)]


def test_a_job_that_nobody_holds_cannot_be_canceled(world: World):
    world.shell.write_jobs()

    done = world.shell.type("cancel", "items")

    assert done.code == 2
    assert "no run holds job items -> qupersync status items" in " ".join(done.err.split())
