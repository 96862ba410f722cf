"""A watermark is gone on from only where it speaks of the job as it is now."""

from datetime import timedelta
from uuid import uuid4

import pytest

from qupersync.domain.errors import LeaseLostError
from qupersync.domain.gap import Gap
from qupersync.domain.run import Status
from tests.pipeline.rig import NOON, WATERMARK, Rig, a_job, correct


def test_a_target_that_holds_rows_nobody_accounts_for_is_refused(items: Rig):
    items.at_target("INSERT INTO items VALUES (1, 'whose?', now())")

    refused, allowed = items.run(a_job()), items.run(a_job(), from_initial=True)

    assert (refused.error_code, refused.hint) == (
        "state-missing",
        (
            "qupersync run items --from-initial, or if nothing older is wanted: "
            "qupersync watermark set items TIME"
        ),
    )
    assert allowed.status is Status.SUCCESS


def test_from_initial_reads_everything_again_and_keeps_the_watermark(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'a', '2026-02-25')")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'late change'")

    usual, again = items.run(a_job()), items.run(a_job(), from_initial=True)

    assert (usual.tally.updated, again.tally.updated) == (0, 1)
    assert again.watermark_after == NOON


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


def test_only_the_holder_of_the_job_may_set_its_watermark(items: Rig):
    with items.open_target() as target:
        stale = target.leases.claim(a_job(), uuid4())
        assert stale is not None
        table = target.table(a_job(), stale)
        items.at_target("UPDATE quper.qupersync_leases SET lease_expires_at = now()")
        items.run(a_job())

        with pytest.raises(LeaseLostError):
            table.correct(NOON - timedelta(days=1), "somebody")

    assert items.rows("SELECT watermark, details ? 'changed' FROM quper.qupersync_state") == [
        ("2026-03-01T12:00:00.000000Z", False)
    ]


GAPS = """
UPDATE quper.qupersync_state
   SET details = details || '{"gaps": [{"low": "2026-02-22", "high": "2026-02-23"}],
                              "acknowledged": [{"low": "2026-02-23", "high": "2026-02-24"}],
                              "lost_until": "2026-02-24"}'
"""
KNOWN_GAPS = """
SELECT details ?& names, details ?| names
  FROM quper.qupersync_state, CAST('{gaps,acknowledged,lost_until}' AS text[]) AS names
"""
MOVED = {"target": "public.moved"}
ENDED = {"watermark": WATERMARK | {"column": "ended"}}


@pytest.fixture
def with_gaps(rig: Rig) -> Rig:
    """A job that ran and knows of gaps, and another table for it."""
    rig.at_both("CREATE TABLE items (id int PRIMARY KEY, changed timestamp, ended timestamp)")
    rig.at_target("CREATE TABLE moved (LIKE items INCLUDING ALL)")
    rig.run(a_job())
    rig.at_target(GAPS)
    return rig


@pytest.mark.parametrize(("change", "is_kept"), [({}, True), (MOVED, False), (ENDED, False)])
def test_who_sets_the_watermark_of_something_else_leaves_its_gaps_behind(
    with_gaps: Rig, change: dict[str, object], *, is_kept: bool
):
    correct(with_gaps, a_job(**change), NOON)

    assert with_gaps.rows(KNOWN_GAPS) == [(is_kept, is_kept)]


@pytest.mark.parametrize("change", [MOVED, ENDED])
def test_what_begins_anew_with_something_else_leaves_its_gaps_behind(
    with_gaps: Rig, change: dict[str, object]
):
    with_gaps.run(a_job(**change), from_initial=True)

    assert with_gaps.rows(KNOWN_GAPS) == [(False, False)]


def test_gaps_that_nobody_acknowledged_outlive_a_reset(with_gaps: Rig):
    correct(with_gaps, a_job(), None)
    with_gaps.run(a_job())

    assert with_gaps.rows(KNOWN_GAPS) == [(True, True)]


def test_an_older_gap_that_a_repair_notes_does_not_move_back_where_the_newest_one_ends(items: Rig):
    items.run(a_job())
    with items.open_target() as target:
        lease = target.leases.claim(a_job(), owner=uuid4())
        assert lease is not None
        table = target.table(a_job(), lease)
        table.note_look(None, Gap(NOON, NOON + timedelta(hours=1)))
        table.note_look(None, Gap(NOON - timedelta(hours=5), NOON - timedelta(hours=3)))

        assert table.state().lost_until == NOON + timedelta(hours=1)


def test_a_job_whose_state_was_deleted_is_refused_and_then_goes_on_from_its_ledger(items: Rig):
    items.at_source("INSERT INTO items VALUES (1, 'n', '2026-03-01 11:30')")
    items.run(a_job())
    items.at_target("DELETE FROM quper.qupersync_leases", "DELETE FROM quper.qupersync_state")

    refused = items.run(a_job())
    allowed = items.run(a_job(), from_initial=True)

    assert refused.error_code == "state-missing"
    assert (allowed.status, allowed.watermark_after) == (Status.SUCCESS, NOON), allowed.error
