"""What an incremental job loads, counts and remembers."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.run import Status
from qupersync.domain.watermark import Window
from qupersync.infrastructure.signals import Stop
from tests.pipeline.rig import NOON, Rig, a_job

TABLE = "CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)"
WATERMARK = {"column": "changed", "initial": "7d", "overlap": "1h", "lag": "0s"}
COLUMNS = {"id": "integer", "name": "text", "changed": "timestamp"}
SETTLED = WATERMARK | {"settled": {"column": "name", "values": ["done"]}, "max_hold": "6h"}


@pytest.fixture
def items(rig: Rig) -> Rig:
    rig.at_both(TABLE)
    return rig


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


def test_a_target_that_holds_rows_nobody_accounts_for_is_refused(items: Rig):
    items.at_target("INSERT INTO items VALUES (1, 'whose?', now())")

    refused, allowed = items.run(a_job()), items.run(a_job(), from_initial=True)

    assert (refused.error_code, refused.hint) == (
        "state-missing",
        "qupersync run items --from-initial",
    )
    assert allowed.status is Status.SUCCESS


def test_from_initial_reads_everything_again_and_keeps_the_watermark(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-25')")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'late change'")

    usual, again = items.run(a_job()), items.run(a_job(), from_initial=True)

    assert (usual.tally.updated, again.tally.updated) == (0, 1)
    assert again.watermark_after == NOON


def test_the_oldest_open_row_holds_the_watermark(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'done', '2026-03-01 08:00'),"
        " (2, 'running', '2026-03-01 09:00'), (3, NULL, '2026-03-01 10:00')"
    )

    run = items.run(a_job(watermark=SETTLED))

    assert run.watermark_after == NOON - timedelta(hours=3)


def test_an_open_row_ends_up_with_its_final_state(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'running', '2026-03-01 08:00')")
    items.run(a_job(watermark=SETTLED))
    items.at_source(
        "UPDATE items SET name = 'done'", "UPDATE clock SET moment = '2026-03-01 13:00'"
    )

    run = items.run(a_job(watermark=SETTLED))

    assert items.rows("SELECT name FROM items") == [("done",)]
    assert run.watermark_after == NOON + timedelta(hours=1)


def test_an_open_row_of_an_early_piece_holds_the_watermark_of_later_ones(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'running', '2026-02-28 13:00'),"
        " (2, 'done', '2026-03-01 11:00')"
    )

    run = items.run(a_job(watermark=SETTLED | {"max_hold": "7d", "chunk": "6h"}))

    assert run.watermark_after == datetime(2026, 2, 28, 13, tzinfo=UTC)


def test_a_row_that_is_open_for_too_long_is_given_up_and_told_once(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'running', '2026-03-01 05:30')")

    first, second = items.run(a_job(watermark=SETTLED)), items.run(a_job(watermark=SETTLED))

    assert first.watermark_after == NOON
    assert first.warnings == ("1 rows were not settled within max_hold and are not waited for",)
    assert second.warnings == ()


def test_rows_without_a_watermark_or_outside_the_window_are_loaded_and_told(items: Rig):
    items.at_source(
        "INSERT INTO items VALUES (1, 'a', NULL), (2, 'b', '2096-01-01'), (3, 'c', 'infinity')"
    )

    job = a_job(
        sql="SELECT * FROM items WHERE :low < :high", watermark=WATERMARK | {"initial": "1h"}
    )
    run = items.run(job)

    assert run.watermark_after == NOON
    assert run.warnings == (
        "1 rows without a watermark value were loaded",
        "2 rows outside the window were loaded; they do not move the watermark",
    )


def test_a_date_watermark_reads_today_again_tomorrow(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01'), (2, 'b', '2026-02-27')")
    job = a_job(watermark=WATERMARK | {"overlap": "1d", "initial": "3d"})
    rig.run(job)
    rig.at_source("UPDATE items SET name = 'new'", "UPDATE clock SET moment = '2026-03-02 00:10'")

    run = rig.run(job)

    assert rig.rows("SELECT watermark FROM quper.qupersync_state") == [("2026-03-02",)]
    assert rig.rows("SELECT id, name FROM items ORDER BY id") == [(1, "new"), (2, "b")]
    assert run.tally == Tally(extracted=1, updated=1)


def test_a_number_watermark_becomes_the_largest_value_seen(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    rig.at_source("INSERT INTO items SELECT i, i * 10 FROM generate_series(1, 5) AS i")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )

    first, idle = rig.run(job), rig.run(job)

    assert (first.tally.inserted, first.watermark_after) == (5, 50)
    assert (idle.tally.unchanged, idle.watermark_after) == (2, 50)


def test_a_watermark_keeps_its_microseconds(items: Rig):
    items.at_source("UPDATE clock SET moment = '2026-03-01 12:00:00.000001'")
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 12:00:00.000000')")

    run = items.run(a_job(watermark=WATERMARK | {"overlap": "0s"}))

    assert run.tally.inserted == 1
    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-01T12:00:00.000001Z",)
    ]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"target": "public.moved"}, "it is of the table public.items"),
        ({"watermark": WATERMARK | {"column": "ended"}}, "it is of the column 'changed'"),
        ({"watermark": WATERMARK | {"column": "day", "overlap": "1d"}}, "of the column 'changed'"),
    ],
)
def test_a_watermark_that_speaks_of_something_else_is_not_gone_on_from(
    rig: Rig, change: dict[str, object], complaint: str
):
    rig.at_both(
        "CREATE TABLE items (id int PRIMARY KEY, changed timestamp, ended timestamp, day date)"
    )
    rig.at_target("CREATE TABLE moved (LIKE items INCLUDING ALL)")
    rig.at_source("INSERT INTO items VALUES (1, '2026-02-25', '2026-02-25', '2026-02-25')")
    rig.run(a_job())

    refused, anew = rig.run(a_job(**change)), rig.run(a_job(**change), from_initial=True)

    assert (refused.status, refused.error_code) == (Status.FAILED, "state-missing")
    assert complaint in refused.error
    assert (anew.tally.extracted, anew.watermark_before) == (1, None)


def test_a_mistyped_target_costs_no_row(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")
    items.run(a_job())
    items.at_source(
        "INSERT INTO items VALUES (2, 'b', '2026-03-02 11:00')",
        "UPDATE clock SET moment = '2026-03-11 12:00'",
    )
    items.run(a_job(target="public.itemz"))

    items.run(a_job())

    assert items.rows("SELECT count(*) FROM items") == [(2,)]


def test_from_initial_does_not_jump_over_what_no_run_has_read(items: Rig):
    items.run(a_job())
    items.at_source(
        "INSERT INTO items VALUES (2, 'b', '2026-03-02 11:00')",
        "UPDATE clock SET moment = '2026-03-11 12:00'",
    )

    items.run(a_job(), from_initial=True)

    assert items.rows("SELECT id FROM items") == [(2,)]


def test_an_open_row_that_is_rejected_holds_the_watermark_too(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, NULL, '2026-03-01 10:00')")
    job = a_job(watermark=SETTLED, columns=COLUMNS | {"name": {"type": "text", "required": True}})

    open_run = items.run(job)
    items.at_source(
        "UPDATE items SET name = 'done'", "UPDATE clock SET moment = '2026-03-01 15:00'"
    )
    items.run(job)

    assert open_run.watermark_after == NOON - timedelta(hours=2)
    assert items.rows("SELECT name FROM items") == [("done",)]


def test_a_settled_column_that_the_query_lacks_is_told_as_the_jobs_mistake(items: Rig):
    job = a_job(
        sql="SELECT id, changed FROM items WHERE changed >= :low AND changed < :high",
        watermark=SETTLED,
    )

    assert items.run(job).error_code == "column-missing"


@pytest.mark.parametrize(
    "watermark", [WATERMARK | {"column": "name"}, {"column": "changed", "initial": 0, "overlap": 1}]
)
def test_a_watermark_that_does_not_fit_the_targets_column_is_told(items: Rig, watermark):
    low_only = "SELECT * FROM items WHERE id >= :low"
    job = (
        a_job(watermark=watermark)
        if "lag" in watermark
        else a_job(sql=low_only, watermark=watermark)
    )

    assert items.run(job).error_code == "target-mismatch"


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


def test_a_number_watermark_without_rows_stays_as_it_is(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )

    run = rig.run(job)

    assert (run.status, run.watermark_after) == (Status.SUCCESS, None)


def test_a_watermark_column_that_the_target_lacks_is_found_before_anything_is_read(items: Rig):
    items.at_target("ALTER TABLE items DROP COLUMN changed")

    run = items.run(a_job(sql="SELECT 1/0 AS id WHERE :low < :high"))

    assert (run.status, run.error_code) == (Status.FAILED, "column-missing")


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
