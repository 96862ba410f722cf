"""A past span is read again piece by piece, and the watermark never pays for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from qupersync.application.backfill import Backfill, PlanBackfill, Span, backfilled
from qupersync.domain.errors import SpanError, StateMissingError
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Status, Trigger
from qupersync.domain.watermark import Window
from tests.pipeline.rig import NOON, SETTLED, WATERMARK, Rig, a_job, a_snapshot, tables

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def filled(rig: Rig) -> Rig:
    """One row at eleven on each of the ten days before the source's clock."""
    rig.at_source(
        "INSERT INTO items SELECT i, 'n', timestamp '2026-03-01 11:00' - i * interval '1 day'"
        " FROM generate_series(0, 9) AS i"
    )
    return rig


def planned(rig: Rig, job: Job, **span: Any) -> Backfill:
    plan = PlanBackfill(open_source=rig.open_source, open_target=rig.open_target)
    usual: dict[str, Any] = {"since": NOON - 3 * DAY, "until": None, "chunk": DAY}
    return plan(job, rig.order(), Span(**usual | span))


def pieces(rig: Rig, job: Job, **span: Any) -> Iterator[Run]:
    return backfilled(planned(rig, job, **span), rig.order(), rig.use_case())


def backfill(rig: Rig, job: Job, **span: Any) -> list[Run]:
    return list(pieces(rig, job, **span))


def watermark(rig: Rig) -> str:
    [(text,)] = rig.rows("SELECT watermark FROM quper.qupersync_state")
    return str(text)


def correct(rig: Rig, to: str | None) -> None:
    job = a_job()
    with rig.open_target() as target:
        lease = target.leases.claim(job, uuid4())
        assert lease is not None
        point = None if to is None else datetime.fromisoformat(to)
        target.table(job, lease).correct(point, "a test")
        target.leases.release(lease)


def test_each_piece_is_a_run_of_its_own_oldest_first(items: Rig):
    runs = backfill(filled(items), a_job())

    assert [run.window for run in runs] == [
        Window(NOON - 3 * DAY, NOON - 2 * DAY),
        Window(NOON - 2 * DAY, NOON - DAY),
        Window(NOON - DAY, NOON),
    ]
    assert [run.tally.inserted for run in runs] == [1, 1, 1]
    assert items.rows("SELECT DISTINCT trigger, status FROM quper.sync_logs") == [
        ("backfill", "success")
    ]


def test_a_backfill_before_the_first_run_leaves_it_to_start_from_initial(items: Rig):
    backfill(filled(items), a_job(), until=NOON - DAY)

    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [(None,)]
    assert items.run(a_job()).window == Window(NOON - 7 * DAY, NOON)


def test_a_backfill_from_before_initial_makes_the_first_run_go_on_from_its_end(items: Rig):
    runs = backfill(filled(items), a_job(), since=NOON - 9 * DAY, until=NOON - DAY)

    assert (len(runs), runs[-1].watermark_after) == (8, NOON - DAY)
    assert items.run(a_job()).window == Window(NOON - DAY - HOUR, NOON)


def test_a_backfill_behind_the_watermark_leaves_it_alone(items: Rig):
    items.run(a_job(watermark=WATERMARK | {"initial": "1d"}))

    runs = backfill(filled(items), a_job(), since=NOON - 9 * DAY, until=NOON - 5 * DAY)

    assert sum(run.tally.inserted for run in runs) == 4
    assert watermark(items) == "2026-03-01T12:00:00.000000Z"


def test_a_backfill_that_joins_the_watermark_moves_it_on(items: Rig):
    filled(items).run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-04 12:00'")

    runs = backfill(items, a_job(), since=NOON - DAY, until=NOON + 2 * DAY)

    assert [run.watermark_after for run in runs] == [NOON, NOON + DAY, NOON + 2 * DAY]


def test_a_backfill_that_begins_inside_the_overlap_moves_no_watermark(items: Rig):
    """What appeared in the overlap since would be left behind."""
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-02 12:00'")

    backfill(items, a_job(), since=NOON - HOUR / 2)

    assert watermark(items) == "2026-03-01T12:00:00.000000Z"


def test_a_backfill_past_a_hole_moves_no_watermark(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-05 12:00'")

    backfill(items, a_job(), since=NOON + DAY)

    assert watermark(items) == "2026-03-01T12:00:00.000000Z"


def test_a_piece_that_does_not_follow_the_one_before_does_not_join_it(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-05 12:00'")
    whole = planned(items, a_job(), since=NOON - DAY)
    torn = replace(whole, windows=(*whole.windows[:1], *whole.windows[2:]))

    runs = list(backfilled(torn, items.order(), items.use_case()))

    assert {run.watermark_after for run in runs} == {NOON}


def test_an_open_row_holds_the_watermark_in_a_backfill_too(items: Rig):
    settled = {"settled": {"column": "name", "values": ["done"]}, "max_hold": "3d"}
    job = a_job(watermark=WATERMARK | settled)
    items.run(job)
    items.at_source(
        "UPDATE clock SET moment = '2026-03-03 12:00'",
        "INSERT INTO items VALUES (1, 'open', '2026-03-02 10:00')",
    )

    runs = backfill(items, job, since=NOON - DAY)

    assert runs[-1].watermark_after == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_late_open_row_that_a_piece_has_seen_is_not_left_behind_by_the_next(items: Rig):
    """It lies behind the watermark and inside the overlap, so that it alone holds the watermark."""
    job = a_job(watermark=SETTLED)
    items.at_source("INSERT INTO items VALUES (1, 'done', '2026-03-01 11:30')")
    items.run(job)
    items.at_source(
        "INSERT INTO items VALUES (2, 'open', '2026-03-01 11:50')",
        "UPDATE clock SET moment = '2026-03-01 16:00'",
    )

    backfill(items, job, since=NOON - 2 * HOUR, chunk=HOUR)
    items.at_source("UPDATE items SET name = 'done'")
    items.run(job)

    assert items.rows("SELECT name FROM items WHERE id = 2") == [("done",)]


@pytest.mark.parametrize("to", ["2026-02-25T00:00:00.000000Z", None])
def test_a_watermark_that_somebody_puts_back_between_two_pieces_stays_there(items: Rig, to):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-04 12:00'")
    story = pieces(items, a_job(), since=NOON - DAY)
    next(story)

    correct(items, to)
    list(story)

    assert items.rows("SELECT watermark FROM quper.qupersync_state") == [(to,)]


def test_a_watermark_that_was_put_back_since_the_plan_stays_there(items: Rig):
    items.run(a_job())
    items.at_source("UPDATE clock SET moment = '2026-03-04 12:00'")
    plan = planned(items, a_job(), since=NOON - HOUR)

    correct(items, "2026-02-25T00:00:00.000000Z")
    list(backfilled(plan, items.order(), items.use_case()))

    assert watermark(items) == "2026-02-25T00:00:00.000000Z"


def test_a_row_that_was_corrected_and_kept_its_time_is_loaded(rig: Rig):
    tables(rig)
    rig.at_source("INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')")
    rig.run(a_job())
    rig.at_source("UPDATE items SET name = 'b'")

    rig.run(a_job(), from_initial=True)

    assert rig.rows("SELECT name FROM items") == [("b",)]


@pytest.mark.parametrize("order", [{"window": Window(NOON - 5 * DAY, NOON - 3 * DAY)}, {}])
def test_an_older_version_of_a_key_does_not_replace_a_newer_one(rig: Rig, order):
    tables(rig, given="int")
    rig.at_source(
        "INSERT INTO items VALUES (1, 'old', '2026-02-25 12:00'), (1, 'new', '2026-02-28 12:00')"
    )
    rig.run(a_job())
    assert rig.rows("SELECT name FROM items") == [("new",)]
    if not order:  # killed half-way: only the oldest pieces are read
        rig.at_source("DELETE FROM items WHERE name = 'new'")

    rig.run(a_job(), **(order or {"from_initial": True}))

    assert rig.rows("SELECT name FROM items") == [("new",)]


def test_a_repair_makes_the_target_what_the_source_is(rig: Rig):
    tables(rig)
    rig.at_source("INSERT INTO items VALUES (1, 'right', '2026-02-25 12:00')")
    rig.run(a_job())
    rig.at_target("UPDATE items SET name = 'wrong', changed = '2026-02-27'")

    rig.run(a_job(), window=Window(NOON - 5 * DAY, NOON - 3 * DAY), trigger=Trigger.VERIFY)

    assert rig.rows("SELECT name FROM items") == [("right",)]


def test_open_rows_that_no_run_will_read_again_are_told(items: Rig):
    job = a_job(watermark=SETTLED | {"max_hold": "3d"})
    items.run(job)
    items.at_source("INSERT INTO items VALUES (1, 'open', '2026-02-28 10:00')")

    [run] = backfill(items, job, since=NOON - 2 * DAY, until=NOON - DAY)

    [warning] = run.warnings
    assert warning.startswith("rows from 2026-02-28T10:00:00.000000Z on are not settled and lie")


def test_a_job_whose_state_is_of_something_else_is_refused_before_anything_is_planned(items: Rig):
    items.run(a_job())
    items.at_target("UPDATE quper.qupersync_state SET target_table = 'public.other'")

    with pytest.raises(StateMissingError, match=r"it is of the table public\.other"):
        planned(items, a_job())


def test_a_normal_run_gets_its_turn_between_two_pieces(items: Rig):
    filled(items).run(a_job(watermark=WATERMARK | {"initial": "1h"}))
    story = pieces(items, a_job(), since=NOON - 9 * DAY)
    next(story)
    items.at_source("UPDATE clock SET moment = '2026-03-01 14:00'")

    between = items.run(a_job())
    rest = list(story)

    assert between.status is Status.SUCCESS
    assert {run.status for run in rest} == {Status.SUCCESS}
    assert watermark(items) == "2026-03-01T14:00:00.000000Z"
    assert items.rows("SELECT count(*) FROM items") == [(9,)]


def test_a_piece_waits_for_the_run_that_holds_the_job(items: Rig):
    job = a_job(timeout="1s")
    with items.open_target("holder") as target:
        target.leases.claim(job, planned(items, job).correlation_id)

        [run] = backfill(items, job)

    assert (run.status, run.error_code) == (Status.SKIPPED, "lease-held")
    assert items.rows("SELECT count(*) FROM items") == [(0,)]


def test_a_backfill_is_clipped_to_what_the_source_still_holds_and_says_so(items: Rig):
    plan = planned(filled(items), a_job(), since=NOON - 30 * DAY)

    oldest = datetime(2026, 2, 20, 11, tzinfo=UTC)
    assert plan.windows[0].low == oldest
    assert plan.notes == (
        "nothing is left from before 2026-02-20T11:00:00.000000Z: it begins there",
    )


def test_a_backfill_of_what_is_gone_reads_nothing_and_says_so(items: Rig):
    plan = planned(filled(items), a_job(), since=NOON - 40 * DAY, until=NOON - 30 * DAY)

    assert plan.windows == ()
    assert plan.notes == ("nothing is left of what lies before 2026-01-30T12:00:00.000000Z",)


def test_a_backfill_is_clipped_to_the_retention(items: Rig):
    whole = planned(filled(items), a_job(retention="10d"), since=NOON - 9 * DAY)
    kept = planned(items, a_job(retention="2d"), since=NOON - 9 * DAY)

    assert (len(whole.windows), kept.windows[0].low) == (9, NOON - 2 * DAY)


def test_a_backfill_never_reads_beyond_the_sources_clock_less_the_lag(items: Rig):
    job = a_job(watermark=WATERMARK | {"lag": "1h"})

    assert planned(items, job, until=NOON + DAY).windows[-1].high == NOON - HOUR


def test_a_broken_backfill_goes_on_where_it_stopped(items: Rig):
    breaking = a_job(
        sql="SELECT id / (id - 1) * 0 + id AS id, name, changed FROM items"
        " WHERE changed >= :low AND changed < :high",
        columns={"id": "integer", "name": "text", "changed": "timestamp"},
    )
    broken = backfill(filled(items), breaking, since=NOON - 4 * DAY)

    resumed = planned(items, a_job(), since=NOON - 4 * DAY, resume=True)
    rest = list(backfilled(resumed, items.order(), items.use_case()))

    assert [run.status for run in broken] == [Status.SUCCESS, Status.SUCCESS, Status.FAILED]
    assert resumed.notes == ("2 pieces of the last backfill are done and left out",)
    assert [run.window for run in rest] == [
        Window(NOON - 2 * DAY, NOON - DAY),
        Window(NOON - DAY, NOON),
    ]
    assert {run.correlation_id for run in rest} == {broken[0].correlation_id}


def test_without_resume_all_of_it_is_read_again(items: Rig):
    backfill(filled(items), a_job())

    assert len(planned(items, a_job()).windows) == 3


def test_a_date_watermark_is_filled_in_whole_days(rig: Rig):
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, name text, changed date)")
    job = a_job(watermark=WATERMARK | {"overlap": "1d"})

    runs = backfill(rig, job, since=NOON - 2 * DAY)

    assert [run.window for run in runs] == [
        Window(date(2026, 2, 27), date(2026, 2, 28)),
        Window(date(2026, 2, 28), date(2026, 3, 1)),
        Window(date(2026, 3, 1), date(2026, 3, 2)),
    ]


@pytest.mark.parametrize(
    "span", [{"since": NOON + DAY}, {"since": NOON, "until": NOON}, {"until": NOON - 9 * DAY}]
)
def test_a_span_in_which_no_time_lies_is_refused(items: Rig, span):
    with pytest.raises(SpanError, match="no time lies between"):
        planned(items, a_job(), **span)


def test_a_snapshot_and_a_number_have_no_past(rig: Rig):
    tables(rig, "bigint")
    number = {"column": "id", "initial": 0, "overlap": 10}

    with pytest.raises(SpanError, match="is a snapshot"):
        planned(rig, a_snapshot())
    with pytest.raises(SpanError, match="is a number"):
        planned(rig, a_job(sql="SELECT * FROM items WHERE id >= :low", watermark=number))


def test_planning_writes_nothing(items: Rig):
    planned(filled(items), a_job())

    assert items.rows("SELECT count(*) FROM quper.qupersync_state") == [(0,)]


def test_a_backfill_says_who_asked(items: Rig):
    [run, *_] = backfill(filled(items), a_job())

    assert run.trigger is Trigger.BACKFILL
