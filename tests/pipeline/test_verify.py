"""What `verify` proves, what it finds, and what it repairs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from qupersync.domain.errors import QuperSyncError
from qupersync.domain.likeness import Likeness
from qupersync.domain.run import Status, Trigger
from qupersync.domain.verdict import Content, Proof
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.copied import Copy
from qupersync.infrastructure.postgres.leases import Leases
from qupersync.infrastructure.redshift.original import Original
from tests.pipeline.proof import verified
from tests.pipeline.rig import NOON, WATERMARK, Rig, a_job, a_snapshot, correct

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UPTO = NOON - HOUR
ROWS = (
    "INSERT INTO items VALUES (1, 'a', '2026-02-26 12:00'), (2, 'b', '2026-02-27 12:00'),"
    " (3, 'c', '2026-02-28 12:00'), (4, NULL, '2026-02-28 13:00')"
)
FIRST = Window(NOON - 3 * DAY, NOON - 2 * DAY)
SECOND = Window(NOON - 2 * DAY, NOON - DAY)
LAST = Window(NOON - DAY, UPTO)


@pytest.fixture
def loaded(items: Rig) -> Rig:
    """Four rows of three days, loaded at noon."""
    items.at_source(ROWS)
    items.run(a_job())
    return items


def test_equal_sides_are_proved_window_by_window_from_the_oldest_row_up_to_the_overlap(loaded: Rig):
    verdict = verified(loaded, a_job())

    assert (verdict.proof, verdict.reason) == (Proof.OK, "")
    assert verdict.windows == (FIRST, SECOND, LAST)
    assert verdict.rows == 4
    assert verdict.left_out == ()


@pytest.mark.parametrize(
    ("damage", "windows"),
    [
        ("UPDATE items SET name = 'x' WHERE id = 1", [FIRST]),
        ("UPDATE items SET name = '' WHERE id = 4", [LAST]),
        ("UPDATE items SET name = NULL WHERE id = 3", [LAST]),
        ("UPDATE items SET changed = changed + interval '1 microsecond' WHERE id = 2", [SECOND]),
        ("UPDATE items SET id = 9 WHERE id = 2", [SECOND]),
        ("DELETE FROM items WHERE id = 3", [LAST]),
        ("INSERT INTO items VALUES (9, 'a', '2026-02-27 13:00')", [SECOND]),
        ("UPDATE items SET name = CASE id WHEN 3 THEN NULL ELSE 'c' END WHERE id > 2", [LAST]),
        ("UPDATE items SET changed = '2026-02-26 12:00' WHERE id = 2", [FIRST, SECOND]),
    ],
)
def test_it_sees(loaded: Rig, damage: str, windows: list[Window]):
    loaded.at_target(damage)

    verdict = verified(loaded, a_job())

    assert verdict.proof is Proof.DIFFERS
    assert [difference.window for difference in verdict.differences] == windows


def test_a_difference_tells_how_many_rows_each_side_has(loaded: Rig):
    loaded.at_target("DELETE FROM items WHERE id = 2")

    [difference] = verified(loaded, a_job()).differences

    assert (difference.source.rows, difference.target) == (1, Content(0, 0))


def test_rows_inside_the_overlap_may_still_be_on_their_way(loaded: Rig):
    loaded.at_source("INSERT INTO items VALUES (5, 'late', '2026-03-01 11:00')")

    assert verified(loaded, a_job()).proof is Proof.OK


def test_a_late_row_behind_the_overlap_differs(loaded: Rig):
    loaded.at_source("INSERT INTO items VALUES (5, 'late', '2026-03-01 10:59:59')")

    assert [d.window for d in verified(loaded, a_job()).differences] == [LAST]


def test_rows_that_the_source_dropped_are_not_compared(loaded: Rig):
    loaded.at_source("DELETE FROM items WHERE id < 3")

    verdict = verified(loaded, a_job())

    assert (verdict.proof, verdict.windows) == (Proof.OK, (LAST,))


def test_rows_that_the_source_drops_while_it_is_looked_at_are_no_difference(loaded: Rig):
    class Dropping(Original):
        def contents(
            self, sql: str, likeness: Likeness, windows: Sequence[Window]
        ) -> Mapping[Window, Content]:
            loaded.at_source("DELETE FROM items WHERE id < 3")
            return super().contents(sql, likeness, windows)

    verdict = verified(loaded, a_job(), original=Dropping)

    assert (len(verdict.windows), verdict.proof) == (3, Proof.OK)


def test_rows_without_a_watermark_value_are_not_compared(items: Rig):
    job = a_job(sql=f"{a_job().sql} OR changed IS NULL")
    items.at_source(ROWS, "INSERT INTO items VALUES (5, 'when?', NULL)")
    items.run(job)

    verdict = verified(items, job)

    assert (verdict.proof, verdict.rows) == (Proof.OK, 4)
    assert items.rows("SELECT count(*) FROM items") == [(5,)]


def test_rows_older_than_what_was_asked_for_are_not_compared(items: Rig):
    items.at_source(ROWS, "INSERT INTO items VALUES (0, 'old', '2026-02-01')")
    items.run(a_job())

    verdict = verified(items, a_job())

    assert (verdict.proof, verdict.rows) == (Proof.OK, 4)
    assert verdict.windows[0].low == NOON - 7 * DAY


def test_rows_that_the_job_keeps_no_longer_are_not_compared(loaded: Rig):
    # The target's clock is that of today, which is later than all of them.
    assert verified(loaded, a_job(retention="1d")).windows == ()


def test_of_a_key_that_came_again_in_a_later_window_the_last_row_counts(items: Rig):
    items.at_source("ALTER TABLE items DROP CONSTRAINT items_pkey", ROWS)
    items.at_source("INSERT INTO items VALUES (1, 'again', '2026-02-28 12:00')")
    items.at_source("INSERT INTO items VALUES (2, 'in the overlap', '2026-03-01 11:30')")
    items.run(a_job())

    verdict = verified(items, a_job())

    assert (verdict.proof, verdict.rows) == (Proof.OK, 3)


def test_rejected_rows_are_told_beside_the_difference(items: Rig):
    items.at_source(ROWS)
    required = {"id": "integer", "name": {"type": "text", "required": True}, "changed": "timestamp"}
    job = a_job(columns=required)
    items.run(job)

    verdict = verified(items, job)

    assert verdict.open_rejects == 1
    assert [d.window for d in verdict.differences] == [LAST]


def test_the_ledger_is_covered_by_runs_that_overlap(loaded: Rig):
    loaded.at_source("UPDATE clock SET moment = '2026-03-01 18:00'")
    loaded.run(a_job())

    assert verified(loaded, a_job()).holes == ()


def test_a_watermark_that_was_moved_by_hand_leaves_a_hole(loaded: Rig):
    loaded.at_target("UPDATE quper.qupersync_state SET watermark = '2026-03-03T00:00:00.000000Z'")

    verdict = verified(loaded, a_job())

    assert verdict.proof is Proof.HOLES
    assert verdict.holes == (Window(NOON, NOON + 36 * HOUR),)


def test_a_run_that_broke_covers_the_pieces_that_it_completed(loaded: Rig):
    loaded.at_target(
        "UPDATE quper.sync_logs SET status = 'failed'",
        "DELETE FROM quper.sync_batches WHERE window_low LIKE '2026-02-25%'",
    )

    assert verified(loaded, a_job()).holes == (Window(NOON - 4 * DAY, NOON - 3 * DAY),)


def test_a_gap_is_a_hole_until_it_is_acknowledged(loaded: Rig):
    span = (
        "jsonb_build_array(jsonb_build_object('low', '2026-02-23T00:00:00.000000Z',"
        " 'high', '2026-02-24T00:00:00.000000Z'))"
    )
    gaps = f"UPDATE quper.qupersync_state SET details = jsonb_build_object('gaps', {span})"
    loaded.at_target(gaps)
    gap = Window(NOON - 6 * DAY - 12 * HOUR, NOON - 5 * DAY - 12 * HOUR)
    before = verified(loaded, a_job())
    loaded.at_target(gaps.replace("gaps", "acknowledged"))

    assert (before.proof, before.holes, before.is_lost(gap)) == (Proof.HOLES, (gap,), True)
    assert verified(loaded, a_job()).proof is Proof.OK


def test_what_was_read_before_the_story_began_anew_covers_nothing(loaded: Rig):
    loaded.at_target(
        "UPDATE quper.qupersync_state SET watermark = NULL, watermark_type = NULL",
        "TRUNCATE items",
    )
    loaded.at_source("UPDATE clock SET moment = '2026-03-02 12:00'")
    loaded.run(a_job(watermark=WATERMARK | {"initial": "2d"}), from_initial=True)

    verdict = verified(loaded, a_job())

    assert (verdict.proof, verdict.windows[0].low) == (Proof.OK, NOON - DAY)


def test_dates_are_proved_in_whole_days(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    rig.at_source(
        "INSERT INTO items VALUES (1, 'a', '2026-02-26'), (2, 'b', '2026-02-27'),"
        " (3, 'c', '2026-02-28'), (4, 'd', '2026-03-01')"
    )
    days = {"column": "changed", "initial": "7d", "overlap": "1d", "chunk": "1d", "lag": "0s"}
    job = a_job(watermark=days)
    rig.run(job)
    good = verified(rig, job)
    rig.at_target("UPDATE items SET name = 'x' WHERE id = 2")
    rig.at_target("UPDATE quper.qupersync_state SET watermark = '2026-03-04'")
    bad = verified(rig, job)

    assert (good.proof, len(good.windows), good.rows) == (Proof.OK, 2, 2)
    assert [d.source.rows for d in bad.differences] == [1]
    assert [str(hole.low) for hole in bad.holes] == ["2026-03-02"]


@pytest.mark.parametrize("lag", ["0s", "10m"])
def test_rows_that_changed_after_the_last_run_are_told_beside_the_difference(items: Rig, lag: str):
    job = a_job(watermark=WATERMARK | {"lag": lag})
    items.at_source(ROWS)
    items.run(job)
    items.at_source(
        "UPDATE clock SET moment = '2026-03-01 12:05'",
        "UPDATE items SET changed = '2026-03-01 12:02' WHERE id = 2",
    )

    verdict = verified(items, job)

    assert (verdict.differences[0].window.low, verdict.newer) == (SECOND.low, 1)


def test_a_repair_runs_the_job_first_and_so_loads_what_changed_after_the_last_run(loaded: Rig):
    loaded.at_source(
        "UPDATE clock SET moment = '2026-03-01 12:05'",
        "UPDATE items SET changed = '2026-03-01 12:02' WHERE id = 2",
    )

    verdict = verified(loaded, a_job(), repair=True)

    assert (verdict.proof, [run.trigger for run in verdict.repairs]) == (Proof.OK, [Trigger.MANUAL])


def test_a_source_that_shows_no_row_though_young_ones_were_loaded_proves_nothing(loaded: Rig):
    loaded.at_source("DELETE FROM public.items")

    verdict = verified(loaded, a_job())

    assert (verdict.proof, verdict.by_nature) == (Proof.UNVERIFIABLE, False)
    assert "up to 2026-02-28T13:00:00.000000Z" in verdict.reason


def test_rows_that_left_the_source_by_age_need_no_proof(loaded: Rig):
    loaded.at_source("DELETE FROM items", "UPDATE clock SET moment = '2026-03-08 12:00'")

    verdict = verified(loaded, a_job())

    assert (verdict.proof, verdict.windows) == (Proof.OK, ())


def test_midnights_that_feed_a_date_are_compared(rig: Rig):
    rig.at_source("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)", ROWS)
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    text = (
        "SELECT id, name, date_trunc('day', changed) AS changed FROM items"
        " WHERE changed >= :low AND changed < :high"
    )
    job = a_job(sql=text, watermark=WATERMARK | {"overlap": "1d"})
    rig.run(job)
    rig.at_target("DELETE FROM items WHERE id = 2")

    [difference] = verified(rig, job).differences

    assert (str(difference.window.low), difference.target.rows) == ("2026-02-27", 0)


def test_what_was_read_into_another_table_covers_nothing_of_this_one(loaded: Rig):
    loaded.at_target("CREATE TABLE other (LIKE items INCLUDING ALL)")
    other = a_job(target="public.other")
    correct(loaded, other, NOON)
    loaded.at_source("UPDATE clock SET moment = '2026-03-02 12:00'")
    loaded.run(other)
    loaded.at_source("INSERT INTO items VALUES (5, 'behind', '2026-03-01 10:00')")

    verdict = verified(loaded, other)

    assert (verdict.proof, verdict.windows) == (Proof.OK, (Window(UPTO, UPTO + DAY),))


def test_what_was_read_by_a_number_is_no_part_of_the_story_that_a_time_tells(items: Rig):
    items.at_both("ALTER TABLE items ALTER id TYPE bigint")
    items.at_source(ROWS)
    number = "SELECT * FROM items WHERE id >= :low"
    by_number = a_job(sql=number, watermark={"column": "id", "initial": 0, "overlap": 1})
    read = items.run(by_number).tally.inserted
    correct(items, a_job(), NOON)
    items.run(a_job())

    assert (read, verified(items, a_job()).reason) == (4, "")


def test_a_repair_reads_a_differing_window_again(loaded: Rig):
    loaded.at_target("UPDATE items SET name = 'x' WHERE id = 1", "DELETE FROM items WHERE id = 3")

    verdict = verified(loaded, a_job(), repair=True)

    assert verdict.proof is Proof.OK
    assert [run.window for run in verdict.repairs] == [Window(UPTO, NOON), FIRST, LAST]
    assert {(run.status, run.trigger) for run in verdict.repairs[1:]} == {
        (Status.SUCCESS, Trigger.VERIFY)
    }
    assert loaded.rows("SELECT count(*) FROM items") == [(4,)]


def test_a_repair_reads_a_hole_that_the_source_still_holds(loaded: Rig):
    loaded.at_source(
        "UPDATE clock SET moment = '2026-03-03 12:00'",
        "INSERT INTO items VALUES (5, 'missed', '2026-03-02 06:00')",
    )
    loaded.at_target("UPDATE quper.qupersync_state SET watermark = '2026-03-03T00:00:00.000000Z'")

    verdict = verified(loaded, a_job(), repair=True)

    usual, hole = (run.window for run in verdict.repairs)
    assert (verdict.proof, usual) == (Proof.OK, Window(NOON + 35 * HOUR, NOON + 2 * DAY))
    assert hole == Window(NOON, NOON + 35 * HOUR)
    assert loaded.rows("SELECT name FROM items WHERE id = 5") == [("missed",)]
    assert loaded.rows("SELECT watermark FROM quper.qupersync_state") == [
        ("2026-03-03T12:00:00.000000Z",)
    ]


def test_of_a_hole_that_is_half_lost_one_half_is_read_and_the_other_becomes_a_gap(loaded: Rig):
    loaded.at_source(
        "UPDATE clock SET moment = '2026-03-03 12:00'",
        "DELETE FROM items",
        "INSERT INTO items VALUES (5, 'missed', '2026-03-02 12:00')",
    )
    loaded.at_target("UPDATE quper.qupersync_state SET watermark = '2026-03-03T00:00:00.000000Z'")

    verdict = verified(loaded, a_job(), repair=True)

    assert verdict.repairs[1].window == Window(NOON + DAY, NOON + 35 * HOUR)
    assert verdict.holes == (Window(NOON, NOON + DAY),)
    gap = "SELECT g ->> 'low', g ->> 'high' FROM quper.qupersync_state, {} AS g"
    assert loaded.rows(gap.format("jsonb_array_elements(details -> 'gaps')")) == [
        ("2026-03-01T12:00:00.000000Z", "2026-03-02T12:00:00.000000Z")
    ]


def test_a_wish_to_stop_ends_a_repair(loaded: Rig):
    loaded.at_target("DELETE FROM items WHERE id = 3")
    loaded.stop.request(15)

    verdict = verified(loaded, a_job(), repair=True)

    assert (verdict.proof, verdict.repairs) == (Proof.DIFFERS, ())


def test_a_row_that_the_source_deleted_still_differs_after_a_repair(loaded: Rig):
    loaded.at_source("DELETE FROM items WHERE id = 2")

    verdict = verified(loaded, a_job(), repair=True)

    assert [d.window for d in verdict.differences] == [SECOND]
    assert [run.window for run in verdict.repairs[1:]] == [SECOND]


def test_a_repair_waits_for_a_run_that_holds_the_job(loaded: Rig):
    loaded.at_target("UPDATE items SET name = 'x' WHERE id = 1")
    with postgres.connected(loaded.target) as session:
        Leases(session, "default", "somebody", 3.0).claim(a_job(), uuid4())

    verdict = verified(loaded, a_job(), repair=True)

    assert {run.status for run in verdict.repairs} == {Status.SUCCESS}
    assert verdict.proof is Proof.OK


def test_nothing_to_repair_is_no_run(loaded: Rig):
    verdict = verified(loaded, a_job(), repair=True)

    assert verdict.repairs == ()
    assert loaded.rows("SELECT count(*) FROM quper.sync_logs") == [(1,)]


def test_it_writes_nothing_at_the_source_though_the_query_would(loaded: Rig):
    loaded.at_source("CREATE SEQUENCE traces", "GRANT USAGE ON SEQUENCE traces TO qupersync")
    sql = "SELECT * FROM items WHERE changed >= :low AND changed < :high AND nextval('traces') > 0"

    verdict = verified(loaded, a_job(sql=sql))

    assert "read-only" in verdict.reason
    assert loaded.source_rows("SELECT is_called FROM traces") == [(False,)]


def test_its_connection_to_the_target_can_write_nothing(loaded: Rig):
    with loaded.open_target() as target:
        copy = Copy.of(a_job(), target)

        with pytest.raises(QuperSyncError, match="read-only"):
            copy.table.session.execute("DELETE FROM public.items")


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (a_snapshot(), "it is a snapshot, which reads everything in each run"),
        (
            a_job(
                sql="SELECT * FROM items WHERE id > :low",
                watermark={"column": "id", "initial": 0, "overlap": 1},
            ),
            "its watermark is a number, and nobody knows which numbers there are",
        ),
        (a_job(sql={"serverless": a_job().sql}), "not-on-this-flavor"),
    ],
)
def test_what_can_never_be_proved_says_why(items: Rig, job, why: str):
    verdict = verified(items, job)

    assert (verdict.proof, verdict.by_nature, verdict.reason) == (Proof.UNVERIFIABLE, True, why)


def test_a_job_that_never_ran_is_not_proved(items: Rig):
    verdict = verified(items, a_job())

    assert (verdict.proof, verdict.by_nature) == (Proof.UNVERIFIABLE, False)
    assert verdict.reason == "it never ran"
