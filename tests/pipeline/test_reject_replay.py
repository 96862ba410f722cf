"""Rows that were set aside are loaded again from what was kept of them, and nothing else moves."""

from collections.abc import Sequence
from typing import Any

import pytest

from qupersync.application.replayed_rejects import BATCH_ROWS, ReplayRejects
from qupersync.bootstrap.rejects import FORMATS
from qupersync.domain.batch import Batch, Tally
from qupersync.domain.job import Job
from qupersync.domain.run import Run, Status, Trigger
from qupersync.infrastructure.postgres.kept_rejects import KeptRejects
from qupersync.infrastructure.postgres.target import Target
from qupersync.infrastructure.redshift.fetching import batch_of
from qupersync.infrastructure.redshift.layout import Layout
from tests.pipeline.rig import Rig, a_job, a_snapshot

JOBS = [a_job(max_rejects="100%"), a_snapshot(max_rejects="100%")]
MODES = pytest.mark.parametrize("job", JOBS, ids=["incremental", "snapshot"])
CHECK = "ALTER TABLE items ADD CONSTRAINT short CHECK (length(name) < 5)"
REPAIR = "ALTER TABLE items DROP CONSTRAINT short"
# As earlier versions kept such a row: the texts of what was staged, and their bytes as JSON.
AS_TEXTS = """
UPDATE quper.sync_rejects
   SET payload_format = 'target-text-v1', row = row || '{"price": "1.50"}',
       payload = '["2", "too long", "2026-03-01 11:40:00", "1.50"]'
"""
LATER = "UPDATE clock SET moment = '2026-03-01 18:00'"


@pytest.fixture
def items(items: Rig) -> Rig:
    """Three rows at the source, the second with a name that the target refuses."""
    items.at_target(CHECK)
    items.at_source(
        "INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30'),"
        " (2, 'too long', '2026-03-01 11:40'), (3, 'c', '2026-03-01 11:50')"
    )
    return items


def decoded(payload_format: str, payloads: Sequence[bytes]) -> Batch:
    return batch_of(Layout.kept(payload_format), payloads)


def replay(rig: Rig, job: Job, ids: Sequence[int] | None = None, **order: Any) -> Run:
    def kept(target: Any) -> KeptRejects:
        assert isinstance(target, Target)
        return KeptRejects(
            session=target.session,
            source="default",
            job=job.name,
            ids=ids,
            formats=FORMATS,
            decoded=decoded,
        )

    run_job = ReplayRejects.of(rig.use_case(), kept)
    return run_job(job, rig.order(trigger=Trigger.REPLAY, **order))


def rejects(rig: Rig, columns: str) -> list[Any]:
    return rig.rows(f"SELECT {columns} FROM quper.sync_rejects ORDER BY reject_id")


@MODES
def test_a_row_that_was_set_aside_is_loaded_once_the_table_is_repaired(items: Rig, job: Job):
    past = items.run(job)
    items.at_source("DROP TABLE items")  # nothing is read there
    items.at_target(REPAIR)

    run = replay(items, job, replay_of=past.run_id)

    assert (run.status, run.tally) == (Status.SUCCESS, Tally(extracted=1, inserted=1)), run.error
    assert items.rows("SELECT id, name, changed::text FROM items WHERE id = 2") == [
        (2, "too long", "2026-03-01 11:40:00")
    ]
    assert rejects(items, "resolution, times_seen, run_id") == [("replayed", 1, past.run_id)]
    assert items.rows(
        "SELECT trigger, replay_of, window_low, rows_extracted, rows_inserted, watermark_after"
        f" FROM quper.sync_logs WHERE run_id = '{run.run_id}'"
    ) == [("replay", past.run_id, None, 1, 1, None)]


@MODES
def test_a_row_that_is_refused_again_is_kept_with_its_new_reason(items: Rig, job: Job):
    items.run(job)
    items.at_target(REPAIR, "ALTER TABLE items ALTER name TYPE varchar(6)")

    run = replay(items, job)

    assert (run.status, run.tally) == (Status.SUCCESS, Tally(extracted=1, skipped=1)), run.error
    assert rejects(items, "resolution, times_seen, reason, run_id") == [
        (None, 2, "lossy-cast", run.run_id)
    ]


@MODES
def test_a_rule_of_the_job_that_was_added_makes_the_row_good(items: Rig, job: Job):
    items.run(job)
    columns = {"id": "integer", "changed": "timestamp", "name": {"type": "text"}}
    columns["name"] |= {"null_if": ["too long"]}  # type: ignore[operator]
    repaired = Job.model_validate(job.model_dump(exclude_unset=True) | {"columns": columns})

    assert replay(items, repaired).tally == Tally(extracted=1, inserted=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [(None,)]


@MODES
def test_a_replay_moves_no_watermark_and_covers_no_window(items: Rig, job: Job):
    items.run(job)
    state = "SELECT watermark, last_run_id, last_success_at FROM quper.qupersync_state"
    before = items.rows(state)
    items.at_target(REPAIR)

    run = replay(items, job)

    assert items.rows(state) == before
    assert items.rows(
        "SELECT window_low, window_high, watermark, completes FROM quper.sync_batches"
        f" WHERE run_id = '{run.run_id}'"
    ) == [(None, None, None, False)]


@MODES
def test_the_last_rows_their_rejects_the_record_and_the_lease_change_in_one_transaction(
    items: Rig, job: Job
):
    items.run(job)
    items.at_target(REPAIR)

    run = replay(items, job)

    of_run = f"WHERE run_id = '{run.run_id}'"
    [writers] = items.rows(
        f"SELECT xid, (SELECT xmin::text FROM quper.sync_logs {of_run}),"
        f" (SELECT xmin::text FROM quper.sync_attempts {of_run}),"
        " (SELECT xmin::text FROM quper.sync_rejects),"
        f" (SELECT xmin::text FROM quper.qupersync_leases) FROM quper.sync_batches {of_run}"
    )
    assert len(set(writers)) == 1


def test_a_stale_discarded_row_does_not_replace_its_correction_of_the_same_moment(items: Rig):
    items.run(a_job())
    [(number,)] = rejects(items, "reject_id")
    discard = "UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded'"
    correction = "INSERT INTO items VALUES (2, 'good', '2026-03-01 11:40')"
    items.at_target(REPAIR, discard, correction)

    run = replay(items, a_job(), [number])

    assert run.tally == Tally(extracted=1, unchanged=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [("good",)]


def test_a_row_refused_after_another_of_the_same_moment_was_loaded_replaces_it(items: Rig):
    items.at_source("UPDATE items SET name = 'good' WHERE id = 2")
    items.run(a_job())
    items.at_source("UPDATE items SET name = 'too long' WHERE id = 2")
    items.run(a_job())
    items.at_target(REPAIR)

    assert replay(items, a_job()).tally == Tally(extracted=1, updated=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [("too long",)]


def test_a_newer_row_of_the_target_stays(items: Rig):
    items.run(a_job())
    items.at_target(REPAIR, "INSERT INTO items VALUES (2, 'newer', '2026-03-01 11:59')")

    run = replay(items, a_job())

    assert run.tally == Tally(extracted=1, unchanged=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [("newer",)]
    assert rejects(items, "resolution") == [("replayed",)]


def test_a_row_without_a_watermark_value_is_not_the_newer_one(items: Rig):
    items.at_source("UPDATE items SET changed = NULL WHERE id = 2")
    sql = "SELECT * FROM items WHERE changed >= :low AND changed < :high OR changed IS NULL"
    job = a_job(sql=sql, max_rejects="100%")
    items.run(job)
    items.at_target(REPAIR, "INSERT INTO items VALUES (2, 'newer', '2026-03-01 11:59')")

    assert replay(items, job).tally == Tally(extracted=1, unchanged=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [("newer",)]


@MODES
def test_of_two_bad_versions_of_a_row_the_one_last_seen_wins(items: Rig, job: Job):
    for name in ("first one", "second one", "first one"):
        items.at_source(f"UPDATE items SET name = '{name}' WHERE id = 2")
        items.run(job)
    items.at_target(REPAIR)

    run = replay(items, job)

    assert run.tally == Tally(extracted=2, inserted=1, deduplicated=1)
    assert items.rows("SELECT name FROM items WHERE id = 2") == [("first one",)]
    assert rejects(items, "resolution") == [("replayed",)] * 2


@MODES
def test_only_what_was_chosen_is_replayed(items: Rig, job: Job):
    items.at_source("INSERT INTO items VALUES (4, 'long too', '2026-03-01 11:55')")
    items.run(job)
    [_, (last,)] = rejects(items, "reject_id")
    items.at_target(REPAIR)

    assert replay(items, job, [last]).tally == Tally(extracted=1, inserted=1)
    assert rejects(items, "resolution") == [(None,), ("replayed",)]


def test_a_discarded_reject_is_replayed_only_by_its_id(items: Rig):
    items.run(a_job())
    [(number,)] = rejects(items, "reject_id")
    discard = "UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded'"
    items.at_target(REPAIR, discard)

    assert replay(items, a_job()).tally == Tally()
    assert replay(items, a_job(), [number]).tally == Tally(extracted=1, inserted=1)


@MODES
def test_many_rejects_are_replayed_in_batches_that_are_committed_each(items: Rig, job: Job):
    items.at_source(
        "INSERT INTO items SELECT i, 'too long', '2026-03-01 11:40'"
        f" FROM generate_series(4, {BATCH_ROWS + 500}) AS i"
    )
    items.run(job)
    bad = len(rejects(items, "1"))
    items.at_target(REPAIR, "ALTER TABLE items ADD CHECK (id % 100 <> 7)")

    run = replay(items, job)

    refused = len(range(7, BATCH_ROWS + 501, 100))
    assert run.tally == Tally(extracted=bad, inserted=bad - refused, skipped=refused), run.error
    assert run.batches > 1
    assert items.rows("SELECT count(*) FROM items WHERE name = 'too long'") == [(bad - refused,)]


def test_bytes_that_are_no_text_are_refused_again_and_stay_as_they_are(rig: Rig):
    rig.at_source(
        "CREATE TABLE items (id int, name text, changed timestamp)",
        "INSERT INTO items VALUES (1, 'a', '2026-03-01 11:30')",
    )
    rig.at_target("CREATE TABLE items (id int PRIMARY KEY, name text, changed timestamp)", CHECK)
    bad = b"\0\3\0\0\0\4\0\0\0\1\0\0\0\2\xff\xfe\0\0\0\x132026-03-01 11:30:00"
    rig.at_source("UPDATE items SET name = 'too long'")
    rig.run(a_job())
    kept = rejects(rig, "payload_format")[0][0]
    rig.at_target(
        f"UPDATE quper.sync_rejects SET payload = '\\x{bad.hex()}',"
        f" payload_sha256 = sha256('\\x{bad.hex()}')"
    )

    assert replay(rig, a_job()).tally == Tally(extracted=1, skipped=1)
    assert rejects(rig, "payload, payload_format, reason, times_seen") == [
        (bad, kept, "not-utf8", 2)
    ]


@pytest.mark.parametrize("load", ["copy", "executemany"])
@pytest.mark.parametrize("is_old", [False, True], ids=["bytes", "texts"])
def test_a_row_that_only_the_merge_of_a_snapshot_refused_is_loaded_too(
    items: Rig, load: str, *, is_old: bool
):
    columns = {
        "number": {"type": "integer", "from": "id"},
        "name": "text",
        "changed": "timestamp",
        "price": {"type": "numeric(9,2)", "from": "cost"},
    }
    items.at_source("ALTER TABLE items ADD cost float8 DEFAULT 1.5")
    items.at_target("ALTER TABLE items RENAME id TO number", "ALTER TABLE items ADD price numeric")
    items.at_target("ALTER TABLE items ALTER price TYPE numeric(9,2)")
    job = a_snapshot(key=["number"], columns=columns, batch_size=1, load=load)
    items.run(job)
    assert rejects(items, "payload_format LIKE 'datarow-v2 [[\"id\", 23], %'") == [(True,)]
    items.at_target(REPAIR, *([AS_TEXTS] if is_old else []))

    run = replay(items, job)

    assert run.tally == Tally(extracted=1, inserted=1), run.error
    assert items.rows("SELECT name, price::text FROM items WHERE number = 2") == [
        ("too long", "1.50")
    ]


@MODES
def test_a_job_that_needs_a_column_that_was_not_kept_refuses_and_says_how(items: Rig, job: Job):
    items.run(job)
    items.at_target(REPAIR, "ALTER TABLE items ADD more text")
    columns = {"id": "integer", "name": "text", "changed": "timestamp", "more": "text"}
    changed = Job.model_validate(job.model_dump(exclude_unset=True) | {"columns": columns})

    run = replay(items, changed)

    assert (run.status, run.error_code) == (Status.FAILED, "column-missing")
    assert run.error == ("the rows were kept with other columns: the query does not return: more")
    assert run.hint == (
        "qupersync backfill items --since 7d" if job.watermark else "qupersync run items"
    )
    assert rejects(items, "resolution") == [(None,)]


def test_a_job_whose_table_it_has_not_begun_refuses(items: Rig):
    items.run(a_job())
    items.at_target(REPAIR, "DELETE FROM quper.qupersync_leases")
    items.at_target("DELETE FROM quper.qupersync_state", "TRUNCATE items")

    run = replay(items, a_job())

    assert (run.error_code, run.hint) == ("state-missing", "first: qupersync run items")
    assert items.rows("SELECT count(*) FROM items") == [(0,)]


def test_a_replay_of_a_held_job_is_skipped(items: Rig):
    items.run(a_job())
    with items.open_target("another") as target:
        assert target.leases.claim(a_job(), owner=items.order().correlation_id)

        assert replay(items, a_job()).error_code == "lease-held"


def test_a_wish_to_stop_ends_the_replay_and_leaves_the_rejects(items: Rig):
    items.run(a_job())
    items.at_target(REPAIR)
    items.stop.request()

    assert replay(items, a_job()).status is Status.CANCELED
    assert rejects(items, "resolution") == [(None,)]


def test_a_failed_replay_of_rejects_is_not_what_a_retry_runs(items: Rig):
    past = items.run(a_job())
    items.at_target("ALTER TABLE items RENAME TO gone")
    assert replay(items, a_job()).status is Status.FAILED

    with items.open_target() as target:
        last = target.past.last("items")

    assert last is not None
    assert last.run_id == past.run_id
