"""What an incremental job loads, counts and remembers."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from qupersync.domain.watermark import Window
from qupersync.infrastructure.signals import Stop
from tests.pipeline.rig import COLUMNS, NOON, WATERMARK, Rig, a_job


def test_a_first_run_loads_what_is_younger_than_initial(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'old', '2026-02-22 11:59:59'), (2, 'new', '2026-02-22 12:00')"
    )

    run = items.run(a_job())

    assert run.status is Status.SUCCESS, run.error
    assert run.tally == Tally(extracted=1, inserted=1)
    assert items.rows("SELECT id, name FROM items") == [(2, "new")]


def test_a_run_advances_the_watermark_to_the_sources_clock_less_the_lag(items: Rig):
    run = items.run(a_job(watermark=WATERMARK | {"lag": "90s"}))

    assert run.watermark_after == NOON - timedelta(seconds=90)
    assert items.rows("SELECT watermark, watermark_type FROM quper.qupersync_state") == [
        ("2026-03-01T11:58:30.000000Z", "timestamp")
    ]


def test_a_second_run_reads_the_overlap_again_and_writes_nothing_unchanged(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30'), (2, 'b', '2026-03-01')")
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-01 12:05'")

    run = items.run(a_job())

    assert run.window == Window(NOON - timedelta(hours=1), NOON + timedelta(minutes=5))
    assert run.tally == Tally(extracted=1, unchanged=1)


def test_a_changed_row_is_updated(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'b'")

    run = items.run(a_job())

    assert run.tally == Tally(extracted=1, updated=1)
    assert items.rows("SELECT name FROM items") == [("b",)]


def test_an_empty_window_still_advances_the_watermark(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-01 13:00'")

    run = items.run(a_job())

    assert (run.tally, run.batches) == (Tally(), 1)
    assert run.watermark_after == NOON + timedelta(hours=1)


def test_a_source_clock_that_jumps_back_moves_no_watermark(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-02-01 00:00'")

    run = items.run(a_job())

    assert (run.status, run.watermark_after) == (Status.SUCCESS, NOON)
    assert run.warnings == ("the source's clock is behind the watermark: nothing to read",)


def test_a_failed_query_leaves_the_watermark_alone(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-02'")

    run = items.run(a_job(sql="SELECT 1/0 AS id FROM items WHERE :low < :high"))

    assert (run.status, run.watermark_after) == (Status.FAILED, NOON)
    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-01T12:00:00.000000Z",)
    ]


def test_a_long_window_is_committed_in_pieces_oldest_first(items: Rig):
    items.at_source(
        "INSERT INTO items SELECT i, 'n', timestamp '2026-03-01 11:00' - i * interval '1 day'"
        " FROM generate_series(0, 6) AS i"
    )

    run = items.run(a_job())

    assert (run.tally.inserted, run.batches) == (7, 7)
    assert items.rows(
        "SELECT window_low, watermark FROM quper.sync_batches ORDER BY batch_seq LIMIT 2"
    ) == [
        ("2026-02-22T12:00:00.000000Z", "2026-02-23T12:00:00.000000Z"),
        ("2026-02-23T12:00:00.000000Z", "2026-02-24T12:00:00.000000Z"),
    ]


def test_a_run_that_breaks_in_a_later_piece_keeps_the_earlier_ones(items: Rig):
    items.at_source(
        "INSERT INTO items SELECT i, 'n', timestamp '2026-03-01 11:00' - i * interval '1 day'"
        " FROM generate_series(0, 6) AS i"
    )
    breaking = (
        "SELECT 1 / (id - 3) AS one, items.* FROM items WHERE changed >= :low AND changed < :high"
    )

    broken = items.run(a_job(sql=breaking, columns=COLUMNS))
    repaired = items.run(a_job())

    assert (broken.status, broken.tally.inserted) == (Status.FAILED, 3)
    assert broken.watermark_after == datetime(2026, 2, 25, 12, tzinfo=UTC)
    assert repaired.window == Window(datetime(2026, 2, 25, 11, tzinfo=UTC), NOON)
    assert items.rows("SELECT count(*) FROM items") == [(7,)]


def test_only_the_last_batch_of_a_piece_moves_the_watermark(items: Rig):
    items.at_source(
        "INSERT INTO items SELECT i, 'n', '2026-03-01 11:30' FROM generate_series(1, 5) AS i"
    )

    items.run(a_job(batch_size=2, watermark=WATERMARK | {"initial": "1h"}))

    assert items.rows(
        "SELECT rows_extracted, watermark IS NOT NULL FROM quper.sync_batches ORDER BY batch_seq"
    ) == [(2, False), (2, False), (1, True)]


def test_every_run_is_on_record(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    run = items.run(a_job())

    assert items.rows(
        "SELECT run_id, status, rows_extracted, rows_upserted, batches, window_high,"
        " watermark_after, host, warnings FROM quper.sync_logs"
    ) == [
        (
            run.run_id,
            "success",
            1,
            1,
            7,
            "2026-03-01T12:00:00.000000Z",
            "2026-03-01T12:00:00.000000Z",
            "host",
            [],
        )
    ]
    assert items.rows("SELECT last_run_id FROM quper.qupersync_state") == [(run.run_id,)]
    assert items.rows("SELECT lease_owner FROM quper.qupersync_leases") == [(None,)]
    assert items.rows("SELECT attempt, status FROM quper.sync_attempts") == [(1, "success")]


@dataclass(slots=True, kw_only=True)
class StopOnceStored(Stop):
    """The wish is there as soon as one batch is stored."""

    rig: Rig

    def is_requested(self) -> bool:
        return self.rig.rows("SELECT count(*) FROM quper.sync_batches") != [(0,)]


def test_a_stop_between_two_batches_keeps_the_first_and_ends_the_run(items: Rig):
    items.at_source(
        "INSERT INTO items SELECT i, 'n', '2026-03-01 11:30' FROM generate_series(1, 4) AS i"
    )
    stopped = replace(items, stop=StopOnceStored(rig=items))

    run = stopped.run(a_job(batch_size=2, watermark=WATERMARK | {"initial": "1h"}))

    assert (run.status, run.tally.inserted) == (Status.CANCELED, 2)
    assert items.rows("SELECT count(*) FROM items") == [(2,)]


def test_a_rival_who_never_gives_way_ends_the_run_after_some_tries(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'n', '2026-03-01 11:30')")
    items.at_target(
        "CREATE FUNCTION quarrel() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'quarrel' USING ERRCODE = '40P01'; END $$",
        "CREATE TRIGGER quarrel BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION quarrel()",
    )

    run = items.run(a_job(watermark=WATERMARK | {"initial": "1h"}))

    assert (run.status, run.error_code, run.batches) == (Status.DEAD, "conflict", 0)
    assert items.rows("SELECT count(*) FROM items") == [(0,)]
