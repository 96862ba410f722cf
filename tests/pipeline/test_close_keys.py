"""Rows whose keys lie close together meet the target's in one go, others one by one."""

from time import monotonic

import pytest

from qupersync.domain.batch import Tally
from qupersync.infrastructure.postgres.raw_stage import MOST_SPARSE
from tests.pipeline.rig import WATERMARK, Rig, a_job

ROWS = 400
RAW = a_job(load="copy", batch_size=ROWS // 2, watermark=WATERMARK | {"initial": "1h"})
FILL = "INSERT INTO items SELECT {}, 'a', '2026-03-01 11:30' FROM generate_series(1, {}) AS i"
NO_CODE = "CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'"
NOTE_SETTING = """
CREATE TABLE noted (nestloop text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO public.noted VALUES (current_setting('enable_nestloop')); RETURN new; END $$;
CREATE TRIGGER note BEFORE INSERT ON quper.sync_batches FOR EACH ROW EXECUTE FUNCTION note();
"""
WORK = """
SELECT idx_scan, idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'items'
"""


def work_of(rig: Rig) -> int:
    """Read everything again; return how often the index was gone through from its root."""
    rig.at_target("VACUUM ANALYZE items", "SELECT pg_stat_reset()")
    assert rig.run(RAW, from_initial=True).tally == Tally(extracted=ROWS, unchanged=ROWS)
    end = monotonic() + 30
    while True:  # a session's figures are there a moment after it has ended
        [(scans, rows)] = rig.rows(WORK)
        if rows >= ROWS:
            return int(scans)
        assert monotonic() < end


@pytest.mark.parametrize(
    ("key", "is_close"),
    [
        ("i", True),
        (f"i * {MOST_SPARSE}", True),
        ("-i", True),
        ("2147483647 - i", True),
        (f"i * {MOST_SPARSE + 1}", False),
        ("i + i / 200 * 1000000", False),
    ],
)
def test_close_keys_are_not_looked_up_one_by_one(items: Rig, key: str, is_close):
    items.at_both(FILL.format(key, ROWS))
    items.at_target(FILL.format("1000000000 + i", 100_000))

    assert (work_of(items) < ROWS / 2) is is_close


def test_rows_are_classified_alike_however_close_their_keys_are(items: Rig):
    items.at_both(FILL.format("i", 100), FILL.format("5000 * i", 100))
    items.at_target(
        "UPDATE items SET name = 'b' WHERE id IN (1, 50, 100, 5000, 500000)",
        "DELETE FROM items WHERE id IN (2, 99, 10000, 495000)",
    )

    job = a_job(load="copy", batch_size=100, watermark=RAW.watermark)
    run = items.run(job, from_initial=True)

    assert run.tally == Tally(extracted=200, inserted=4, updated=5, unchanged=191), run.error
    assert items.rows("SELECT id, name FROM items ORDER BY id") == items.source_rows(
        "SELECT id, name FROM items ORDER BY id"
    )


@pytest.mark.parametrize(
    "code",
    [
        "CREATE TRIGGER idle BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION idle()",
        "ALTER TABLE items ADD CHECK (name <> '')",
        "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY ours ON items USING (true)",
    ],
)
def test_where_the_target_runs_code_of_its_own_its_plans_stay_as_they_are(items: Rig, code: str):
    items.at_both(FILL.format("i", ROWS))
    items.at_target(FILL.format("1000000000 + i", 100_000), NO_CODE, code)

    assert work_of(items) >= ROWS


@pytest.mark.parametrize("name", ["a", "b"])
def test_after_the_merge_the_planner_is_as_free_as_before(items: Rig, name: str):
    items.at_both(FILL.format("i", ROWS))
    items.at_target(f"UPDATE items SET name = '{name}' WHERE id < 10", NOTE_SETTING)

    items.run(RAW, from_initial=True)

    assert items.rows("SELECT nestloop, count(*) FROM noted GROUP BY nestloop") == [("on", 2)]
