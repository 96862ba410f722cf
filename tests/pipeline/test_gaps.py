"""Rows that the source dropped before they were read are told, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from qupersync.application.watermark import CorrectWatermark
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Status
from qupersync.infrastructure.postgres.watermarks import Watermarks
from tests.pipeline.rig import COLUMNS, NOON, WATERMARK, Rig, a_job

GAPS = "SELECT details -> 'gaps' FROM quper.qupersync_state"
# Readable by min() alone: a column that nobody asks for is not computed.
BREAKING = (
    "SELECT 1 / (id - id) AS one, items.* FROM items WHERE changed >= :low AND changed < :high"
)


@pytest.fixture
def known(items: Rig) -> Rig:
    """A source that keeps rows for six days; its newest row is of 10:00, the watermark of noon."""
    items.at_source(
        "INSERT INTO items VALUES (1, 'a', '2026-02-23 12:00'), (2, 'b', '2026-03-01 10:00')"
    )
    items.run(a_job())
    return items


def later(rig: Rig, moment: str, *rows: str, keeps_since: str) -> None:
    """Go on to a moment; the source drops what is older, and holds new rows."""
    rig.at_source(
        f"UPDATE clock SET moment = '{moment}'",
        f"DELETE FROM items WHERE changed < '{keeps_since}'",
        *(f"INSERT INTO items VALUES ({row})" for row in rows),
    )


def outage(rig: Rig) -> None:
    """Nobody ran for nine days, and rows stay for six."""
    rows = ("3, 'c', '2026-03-04 13:00'", "4, 'd', '2026-03-10 11:00'")
    later(rig, "2026-03-10 12:00", *rows, keeps_since="2026-03-04 12:00")


LOST = "gap: the source no longer holds 2026-03-01T12:00:00.000000Z to 2026-03-04T13:00:00.000000Z"


def test_an_outage_longer_than_the_source_keeps_rows_is_a_gap(known: Rig):
    outage(known)

    run = known.run(a_job())

    [warning] = run.warnings
    assert (run.status, warning.startswith(LOST)) == (Status.SUCCESS, True)
    assert known.rows(GAPS) == [
        (
            [
                {
                    "low": "2026-03-01T12:00:00.000000Z",
                    "high": "2026-03-04T13:00:00.000000Z",
                    "run_id": str(run.run_id),
                }
            ],
        )
    ]


def test_a_gap_stays_until_somebody_acknowledges_it_and_is_told_by_one_run_only(known: Rig):
    outage(known)
    first, second = known.run(a_job()), known.run(a_job())

    [(gaps,)] = known.rows(GAPS)
    assert [gap["run_id"] for gap in gaps] == [str(first.run_id)]
    assert second.warnings == ()


def test_two_outages_are_two_gaps(known: Rig):
    outage(known)
    known.run(a_job())
    later(known, "2026-03-20 12:00", "5, 'e', '2026-03-15 09:00'", keeps_since="2026-03-14 12:00")

    known.run(a_job())

    [(gaps,)] = known.rows(GAPS)
    assert [(gap["low"][:13], gap["high"][:13]) for gap in gaps] == [
        ("2026-03-01T12", "2026-03-04T13"),
        ("2026-03-10T12", "2026-03-15T09"),
    ]


def test_a_quiet_source_raises_no_alarm(known: Rig):
    later(known, "2026-03-07 11:00", "3, 'c', '2026-03-07 10:00'", keeps_since="2026-03-01 11:00")

    run = known.run(a_job())

    assert (run.tally.inserted, run.warnings) == (1, ())
    assert known.rows(GAPS) == [(None,)]


def test_a_source_that_still_holds_a_row_as_old_as_the_watermark_raises_no_alarm(known: Rig):
    later(known, "2026-03-20 12:00", "3, 'c', '2026-03-20 11:00'", keeps_since="2026-03-01 10:00")

    assert known.run(a_job()).warnings == ()


def test_a_source_that_was_restored_without_its_log_is_a_gap(known: Rig):
    later(known, "2026-03-02 12:00", "3, 'c', '2026-03-02 10:00'", keeps_since="2026-03-02")

    [warning] = known.run(a_job()).warnings

    assert "2026-03-01T12:00:00.000000Z to 2026-03-02T10:00:00.000000Z" in warning


def test_a_source_that_lost_all_its_rows_is_a_gap_up_to_the_end_of_the_window(known: Rig):
    later(known, "2026-03-02 12:00", keeps_since="2026-03-02")

    [warning] = known.run(a_job()).warnings

    assert "2026-03-01T12:00:00.000000Z to 2026-03-02T12:00:00.000000Z" in warning


@pytest.mark.parametrize(
    ("rows", "end"),
    [((), "2026-03-02T12:00"), (("3, 'c', '2026-03-02 11:30'",), "2026-03-02T11:30")],
    ids=["no row is left", "the oldest row is not read yet"],
)
def test_a_gap_reaches_into_the_lag_for_the_next_run_would_see_no_sign_of_it(
    known: Rig, rows: tuple[str, ...], end: str
):
    later(known, "2026-03-02 12:00", *rows, keeps_since="2026-03-02 11:15")
    job = a_job(watermark=WATERMARK | {"lag": "1h"})

    [warning] = known.run(job).warnings

    assert f"2026-03-01T12:00:00.000000Z to {end}:00.000000Z" in warning


def test_a_source_that_stays_empty_is_one_gap_and_not_one_a_run(known: Rig):
    later(known, "2026-03-02 12:00", keeps_since="2026-03-02")
    known.run(a_job())
    later(known, "2026-03-02 12:05", keeps_since="2026-03-02")
    still_empty = known.run(a_job())
    later(known, "2026-03-02 12:20", "3, 'c', '2026-03-02 12:15'", keeps_since="2026-03-02")
    filled = known.run(a_job())
    later(known, "2026-03-02 13:00", keeps_since="2026-03-03")
    emptied = known.run(a_job())

    assert (still_empty.warnings, filled.warnings, len(emptied.warnings)) == ((), (), 1)
    [(gaps,)] = known.rows(GAPS)
    assert [gap["high"] for gap in gaps] == [
        "2026-03-02T12:00:00.000000Z",
        "2026-03-02T13:00:00.000000Z",
    ]


def test_a_source_that_never_had_a_row_raises_no_alarm(items: Rig):
    items.run(a_job())
    later(items, "2026-03-20 12:00", keeps_since="2026-03-20")

    assert items.run(a_job()).warnings == ()


def test_a_first_run_raises_no_alarm_whatever_its_initial(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:00')")

    assert items.run(a_job(watermark=WATERMARK | {"initial": "365d"})).warnings == ()


@pytest.mark.parametrize(
    ("chunk", "reached"), [("30d", NOON), ("1d", NOON + timedelta(days=2, hours=23))]
)
def test_a_gap_is_remembered_once_if_the_run_dies_right_after_it_was_found(
    known: Rig, chunk: str, reached: datetime
):
    outage(known)
    watermark = WATERMARK | {"chunk": chunk}

    broken = known.run(a_job(sql=BREAKING, columns=COLUMNS, watermark=watermark))
    found = known.rows(GAPS)
    repaired = known.run(a_job(watermark=watermark))

    assert (broken.status, broken.watermark_after) == (Status.FAILED, reached)
    assert [gap["run_id"] for [gaps] in found for gap in gaps] == [str(broken.run_id)]
    assert (repaired.status, known.rows(GAPS)) == (Status.SUCCESS, found)


def test_what_somebody_acknowledged_is_not_told_again_by_the_run_that_passes_it(known: Rig):
    outage(known)
    known.run(a_job(sql=BREAKING, columns=COLUMNS))
    with known.open_target() as target:
        remembered = Watermarks(target.session, "default")
        remembered.acknowledge("items", remembered.of("items")["gaps"], "somebody")

        known.run(a_job())

        assert remembered.of("items")["gaps"] == []
        assert len(remembered.of("items")["acknowledged"]) == 1


def test_a_query_that_cannot_be_asked_for_its_oldest_row_warns_and_is_loaded(known: Rig):
    outage(known)

    run = known.run(a_job(sql="SELECT * FROM items WHERE changed >= :low AND changed < :high;"))

    [warning] = run.warnings
    assert (run.status, run.tally.inserted) == (Status.SUCCESS, 2)
    assert warning.startswith("the source's oldest row is not known: ")
    assert known.rows(GAPS) == [(None,)]


def test_a_gap_of_days_is_told_in_days(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    job = a_job(watermark=WATERMARK | {"overlap": "1d", "initial": "7d"})
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-27'), (2, 'b', '2026-03-01')")
    rig.run(job)
    later(rig, "2026-03-10 12:00", "3, 'c', '2026-03-08'", keeps_since="2026-03-08")

    [warning] = rig.run(job).warnings

    assert warning.startswith("gap: the source no longer holds 2026-03-01 to 2026-03-08,")


def test_how_long_the_source_keeps_rows_is_remembered_from_when_it_had_some(known: Rig):
    kept = "SELECT kept_at_least FROM quper.sync_status_v1"
    [(while_full,)] = known.rows(kept)
    later(known, "2026-03-07 13:00", keeps_since="2026-03-02")
    known.run(a_job())

    assert known.rows(kept) == [(while_full,)] == [(timedelta(days=6),)]


def test_a_loaded_row_that_is_gone_shows_that_the_source_keeps_rows_for_less_time(known: Rig):
    for day in range(3, 6):
        row = f"{day * 10}, 'n', '2026-03-0{day} 08:00'"
        later(known, f"2026-03-0{day} 12:00", row, keeps_since=f"2026-03-0{day - 2} 09:00")
        assert known.run(a_job()).warnings == ()

    assert known.rows("SELECT kept_at_least FROM quper.sync_status_v1") == [
        (timedelta(days=2, hours=2),)  # as old as a row was when a run saw it last
    ]


def test_one_ancient_row_costs_one_false_alarm_at_most(items: Rig):
    """It was cleaned up, and the others stay for six days."""
    items.at_source("INSERT INTO items VALUES (1, 'x', '2020-01-01'), (2, 'b', '2026-03-01 10:00')")
    items.run(a_job(watermark=WATERMARK | {"initial": "3000d"}))
    came = {7: ("3, 'c', '2026-03-07 11:00'",), 13: ("4, 'd', '2026-03-13 11:00'",)}

    for day in range(2, 21):
        noon = datetime(2026, 3, day, 12, tzinfo=UTC)
        since = noon - timedelta(days=6, hours=1)
        later(items, f"{noon:%F %T}", *came.get(day, ()), keeps_since=f"{since:%F %T}")
        items.run(a_job())

    [(gaps,)] = items.rows(GAPS)
    assert [gap["low"][:10] for gap in gaps] == ["2026-03-06"]


def test_a_number_watermark_is_not_looked_at_for_gaps(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed bigint)")
    job: Job = a_job(
        sql="SELECT * FROM items WHERE changed >= :low",
        watermark={"column": "changed", "initial": 0, "overlap": 10},
    )
    rig.at_source("INSERT INTO items VALUES (1, 10)")
    rig.run(job)
    rig.at_source("DELETE FROM items", "INSERT INTO items VALUES (2, 100)")

    assert rig.run(job).warnings == ()


def test_rows_that_were_all_stamped_anew_are_no_gap(items: Rig):
    """A small table that is read by when its rows were changed last."""
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-25'), (2, 'b', '2026-03-01 11:50')")
    items.run(a_job())
    items.at_source(
        "UPDATE clock SET moment = '2026-03-01 13:00'",
        "UPDATE items SET changed = '2026-03-01 12:30'",
    )

    run = items.run(a_job())

    assert run.warnings == ()
    assert items.rows("SELECT gaps FROM quper.sync_status_v1") == [([],)]


def stepping(rig: Rig, job: Job, at: int, act: Callable[[], object]) -> Run:
    """Run a job, and act after its step with this number."""
    steps: list[Run] = []

    def on_step(run: Run) -> None:
        steps.append(run)
        if len(steps) == at:
            act()

    return replace(rig.use_case(), on_step=on_step)(job, rig.order())


def killed(rig: Rig, job: Job) -> None:
    """Run a job that dies once its first batch is stored, and leaves its lease to the next one."""

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stepping(rig, job, 2, die)
    rig.at_target("UPDATE quper.qupersync_leases SET lease_expires_at = now() - interval '1s'")


def test_rows_that_are_dropped_before_their_piece_is_read_are_a_gap(known: Rig):
    rows = (f"{day}, 'n', '2026-03-0{day} 13:00'" for day in range(3, 7))
    later(known, "2026-03-07 11:00", *rows, keeps_since="2026-03-01")
    trim = "DELETE FROM items WHERE changed < '2026-03-05'"

    run = stepping(known, a_job(), 2, lambda: known.at_source(trim))

    assert known.rows("SELECT id FROM items WHERE id > 2 ORDER BY id") == [(5,), (6,)]
    [warning] = run.warnings
    assert "2026-03-02T11:00:00.000000Z to 2026-03-05T13:00:00.000000Z" in warning
    [(gaps,)] = known.rows(GAPS)
    assert [gap["run_id"] for gap in gaps] == [str(run.run_id)]


def test_rows_that_are_dropped_after_their_piece_was_read_are_no_gap(known: Rig):
    rows = (f"{day}0, 'n', '2026-03-0{day} 13:00'" for day in range(1, 7))
    later(known, "2026-03-07 11:00", *rows, keeps_since="2026-03-01")
    trim = "DELETE FROM items WHERE changed < '2026-03-01 11:00'"

    run = stepping(known, a_job(), 2, lambda: known.at_source(trim))

    assert (run.warnings, run.tally.inserted) == ((), 6)


def test_midnights_that_feed_a_date_column_are_looked_at_as_days(rig: Rig):
    rig.at_source("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)")
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-22 01:00')")
    job = a_job(
        sql="SELECT id, name, date_trunc('day', changed) AS changed FROM items"
        " WHERE changed >= :low AND changed < :high",
        watermark=WATERMARK | {"overlap": "1d"},
    )
    rig.run(job)
    later(rig, "2026-03-21 12:00", "2, 'b', '2026-03-20 09:00'", keeps_since="2026-03-15")

    [warning] = rig.run(job).warnings

    assert "2026-03-01 to 2026-03-20," in warning


def test_a_row_outside_the_window_is_not_the_oldest_one(known: Rig):
    sql = "SELECT * FROM items WHERE changed >= :low AND changed < :high OR changed = '-infinity'"
    known.at_source("INSERT INTO items VALUES (9, 'm', '-infinity')")
    later(known, "2026-03-01 13:00", keeps_since="-infinity")

    run = known.run(a_job(sql=sql))

    assert run.tally.inserted == 1
    [warning] = run.warnings
    assert warning.startswith("1 rows outside the window were loaded")
    assert known.rows(GAPS) == [(None,)]


def test_a_part_of_the_watermarks_own_day_may_be_lost(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    job = a_job(watermark=WATERMARK | {"overlap": "1d"})
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-22'), (2, 'b', '2026-03-01')")
    rig.run(job)
    rows = ("3, 'lost', '2026-03-01'", "4, 'kept', '2026-03-01'")
    later(rig, "2026-03-08 18:00", *rows, keeps_since="2026-03-01")
    rig.at_source("DELETE FROM items WHERE id < 4")

    [warning] = rig.run(job).warnings

    assert "2026-03-01 to 2026-03-02," in warning


def test_a_look_that_takes_too_long_is_a_warning_and_the_window_is_loaded(known: Rig):
    slow = "(:low > timestamp '2000-01-01' OR pg_sleep(60) IS NOT NULL)"
    job = a_job(
        sql=f"SELECT * FROM items WHERE changed >= :low AND changed < :high AND {slow}",
        timeout="8s",
    )
    later(known, "2026-03-01 13:00", "3, 'c', '2026-03-01 12:30'", keeps_since="2026-02-01")

    run = known.run(job)

    assert (run.status, run.tally.inserted) == (Status.SUCCESS, 1)
    assert run.warnings == (
        "the source's oldest row is not known: it was not found within 2 s, 1/4 of timeout",
    )


def test_a_gap_that_begins_before_an_acknowledged_one_is_told(known: Rig):
    outage(known)
    known.run(a_job())
    with known.open_target() as target:
        remembered = Watermarks(target.session, "default")
        remembered.acknowledge("items", remembered.of("items")["gaps"], "somebody")
    story = CorrectWatermark(open_target=known.open_target, new_id=uuid4)
    story(a_job(), story.to_set(a_job(), "2026-02-25T00:00:00Z", UTC), "somebody")

    run = known.run(a_job())

    [(gaps,)] = known.rows(GAPS)
    assert [gap["low"][:10] for gap in gaps] == ["2026-02-25"]
    assert len(run.warnings) == 1


def test_a_gap_of_a_run_that_died_is_told_by_the_next_one(known: Rig):
    rows = ("3, 'c', '2026-03-01 12:30'", "4, 'd', '2026-03-01 12:40'")
    later(known, "2026-03-01 13:00", *rows, keeps_since="2026-03-01 12:00")
    killed(known, a_job(batch_size=1))

    first, second = known.run(a_job()), known.run(a_job())

    assert (len(first.warnings), second.warnings) == (1, ())
    [(gaps,)] = known.rows(GAPS)
    assert [sorted(gap) for gap in gaps] == [["high", "low", "run_id"]]


def test_no_gap_stays_of_a_run_that_died_if_the_rows_were_stamped_anew(known: Rig):
    known.at_source(
        "UPDATE clock SET moment = '2026-03-01 13:00'",
        "UPDATE items SET changed = '2026-03-01 12:30'",
    )
    killed(known, a_job(batch_size=1))

    assert known.run(a_job()).warnings == ()
    assert known.rows("SELECT gaps FROM quper.sync_status_v1") == [([],)]
