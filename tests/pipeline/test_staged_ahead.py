"""While a batch is merged the next is on its way over a second connection; order is kept."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from time import monotonic
from uuid import uuid4

import pytest

from qupersync.domain.batch import Tally
from qupersync.domain.run import Run, Status
from qupersync.domain.table_name import TableName
from qupersync.infrastructure.postgres import appending
from qupersync.infrastructure.postgres import session as postgres
from qupersync.infrastructure.postgres.ahead import Spare
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.target import Target
from tests.pipeline.rig import AT_ONCE, WATERMARK, Rig, a_job

HOUR = WATERMARK | {"initial": "1h"}
RAW = a_job(load="copy", batch_size=2, watermark=HOUR)
STOPS_AFTER = 2
LAST = 5
WRITTEN_BY = """
CREATE TABLE writers (id int, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.writers VALUES (new.id); RETURN new; END $$;
CREATE TRIGGER note BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION note();
"""
# A sequence remembers what is rolled back.
RAISING_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF new.id = {id} AND nextval('public.tries') = 1 THEN {act}; END IF;
  RETURN new;
END $$;
CREATE TRIGGER fail BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION fail();
"""
LEDGER = (
    "SELECT batch_seq, rows_extracted, rows_inserted FROM quper.sync_batches ORDER BY batch_seq"
)
IDLE = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state LIKE 'idle in%'
"""
WRITING = """
SELECT FROM pg_locks
 WHERE relation = 'items'::regclass AND mode = 'RowExclusiveLock' AND granted
"""
# What was asked last differs: the batch before may not have told yet that nothing goes early.
WAITS = """
SELECT FROM pg_stat_activity WHERE datname = current_database()
   AND state = 'idle in transaction' AND state_change < clock_timestamp() - interval '200 ms'
"""
LOOKING = """
CREATE FUNCTION looks() RETURNS text LANGUAGE sql AS 'SELECT max(name) FROM public.items';
ALTER TABLE items ALTER name SET DEFAULT looks();
"""
# An index acts on a row that is written, and is no trigger.
INDEXED = """
CREATE FUNCTION looks(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF id = {id} AND nextval('public.tries') = 1 THEN {act}; END IF;
  RETURN id;
END $$;
CREATE SEQUENCE tries;
CREATE INDEX ON items (public.looks(id));
GRANT USAGE ON SEQUENCE tries TO quper_writer;
"""
# Until the other connection has written its rows, and waits.
UNTIL_NEXT_IS_WRITTEN = """
LOOP
  PERFORM pg_stat_clear_snapshot();
  EXIT WHEN EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE relation = 'public.items'::regclass AND mode = 'RowExclusiveLock'
       AND pid <> pg_backend_pid() AND state = 'idle in transaction');
END LOOP
"""
# The second batch has written 3 and waits until the third, which has 4, waits for 3; and wants 4.
CROSSING = """
CREATE SEQUENCE tries;
GRANT USAGE ON SEQUENCE tries TO quper_writer;
CREATE FUNCTION crosses(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF name = 'row 3' AND nextval('public.tries') = 1 THEN
    PERFORM pg_advisory_xact_lock(1);
    LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted); END LOOP;
  ELSIF name = 'row 5' AND NOT (SELECT is_called FROM public.tries) THEN
    LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'); END LOOP;
  END IF;
  RETURN name;
END $$;
CREATE INDEX ON items (public.crosses(name));
GRANT SELECT ON tries TO quper_writer;
"""
STORED = "SELECT id, name FROM items ORDER BY id"


@pytest.fixture
def nine(items: Rig) -> Rig:
    items.at_source(
        "INSERT INTO items SELECT i, 'row ' || i, timestamp '2026-03-01 11:00' + i * interval '1 s'"
        " FROM generate_series(1, 9) AS i"
    )
    return items


def is_whole(rig: Rig) -> bool:
    """Tell whether all nine rows are there, and the ledger has each once."""
    names = [(number, f"row {number}") for number in range(1, 10)]
    batches = [(seq, 2, 2) for seq in range(1, 5)]
    return rig.rows(STORED) == names and rig.rows(LEDGER) == [*batches, (5, 1, 1)]


def test_batches_are_written_over_two_connections_in_turn(nine: Rig):
    nine.at_target(WRITTEN_BY)

    run = nine.run(RAW)

    assert (run.status, run.tally.inserted, is_whole(nine)) == (Status.SUCCESS, 9, True), run.error
    pids = [pid for (pid,) in nine.rows("SELECT pid FROM writers ORDER BY id")]
    assert pids == [pids[0], pids[0], pids[2], pids[2]] * 2 + [pids[0]]
    assert pids[0] != pids[2]


def test_small_batches_that_are_checked_need_one_connection(nine: Rig):
    nine.at_target(WRITTEN_BY)

    nine.run(a_job(batch_size=2, watermark=HOUR))

    assert len(set(nine.rows("SELECT pid FROM writers"))) == 1


def test_without_a_second_connection_the_run_goes_on_with_one(nine: Rig):
    nine.at_target(WRITTEN_BY)
    nowhere = Spare(partial(postgres.connected, "host=127.0.0.1 port=1"))

    class Alone(Rig):
        @contextmanager
        def open_target(self, owner: str = "test", source: str = "default") -> Iterator[Target]:
            with super().open_target(owner, source) as target, nowhere:
                yield Target(target.session, target.leases, target.runs, nowhere)

    alone = Alone(**{f.name: getattr(nine, f.name) for f in fields(nine)})

    assert alone.run(RAW).status is Status.SUCCESS
    assert is_whole(nine)
    assert nowhere.is_tried
    assert len(set(nine.rows("SELECT pid FROM writers"))) == 1


def test_of_a_key_in_two_batches_the_later_row_stays(items: Rig):
    items.at_source(
        "ALTER TABLE items DROP CONSTRAINT items_pkey",
        "INSERT INTO items SELECT i % 2, 'row ' || i, '2026-03-01 11:00'::timestamp"
        " FROM generate_series(1, 9) AS i",
    )

    run = items.run(RAW)

    assert run.tally == Tally(extracted=9, inserted=2, updated=7), run.error
    assert items.rows(STORED) == [(0, "row 8"), (1, "row 9")]


@pytest.mark.parametrize("number", [1, 3, 5, 9])
def test_a_batch_that_lost_a_conflict_is_stored_in_its_turn(nine: Rig, number):
    act = "RAISE EXCEPTION USING ERRCODE = 'serialization_failure'"
    nine.at_target(RAISING_ONCE.format(id=number, act=act))

    assert nine.run(RAW).status is Status.SUCCESS
    assert is_whole(nine)


@pytest.mark.parametrize("number", [1, 3, 5, 9])
def test_a_connection_that_breaks_costs_no_row(nine: Rig, number):
    nine.retry = AT_ONCE
    act = "PERFORM pg_terminate_backend(pg_backend_pid())"
    nine.at_target(RAISING_ONCE.format(id=number, act=act))

    run = nine.run(RAW)

    assert (run.status, run.attempts) == (Status.SUCCESS, 2), run.error
    assert nine.rows(STORED) == [(at, f"row {at}") for at in range(1, 10)]
    assert nine.rows(IDLE) == [(0,)]


def test_what_was_staged_when_somebody_stops_the_run_is_not_stored(nine: Rig):
    def stops(run: Run) -> None:
        if run.batches == STOPS_AFTER:
            nine.stop.request()

    run = replace(nine.use_case(), on_step=stops)(RAW, nine.order())

    assert (run.status, run.batches) == (Status.CANCELED, STOPS_AFTER)
    assert nine.rows(STORED) == [(at, f"row {at}") for at in range(1, 5)]


def test_pieces_share_the_two_connections(nine: Rig):
    nine.at_target(WRITTEN_BY)
    nine.at_source("INSERT INTO items SELECT i, 'old', '2026-02-26' FROM generate_series(10, 14) i")

    run = nine.run(a_job(load="copy", batch_size=2, watermark=WATERMARK | {"chunk": "1d"}))

    assert (run.status, run.tally.inserted) == (Status.SUCCESS, 14)
    assert len(set(nine.rows("SELECT pid FROM writers"))) == 2


def is_so(rig: Rig, query: str) -> bool:
    """Tell whether the target answers with a row within five seconds."""
    end = monotonic() + 5
    while not (found := rig.rows(query)) and monotonic() < end:
        pass
    return bool(found)


def test_while_a_batch_is_committed_the_next_is_written(nine: Rig):
    seen = []

    def looks(run: Run) -> None:
        if 0 < run.batches < LAST:
            seen.append((is_so(nine, WRITING), len(nine.rows(STORED))))

    run = replace(nine.use_case(), on_step=looks)(RAW, nine.order())

    assert (run.status, is_whole(nine)) == (Status.SUCCESS, True), run.error
    assert seen == [(True, 2 * batch) for batch in range(1, LAST)]


def test_where_something_acts_on_a_row_each_batch_is_written_in_its_turn(nine: Rig):
    nine.at_target(RAISING_ONCE.format(id=0, act="NULL"))
    waits = []

    def looks(run: Run) -> None:
        if run.batches == 1:
            waits.append(is_so(nine, WAITS) and nine.rows(WRITING) == [])

    run = replace(nine.use_case(), on_step=looks)(RAW, nine.order())

    assert (run.status, is_whole(nine)) == (Status.SUCCESS, True), run.error
    assert waits == [True]


@pytest.mark.parametrize(
    ("acting", "alone"),
    [
        ("CREATE UNIQUE INDEX ON items (name)", True),
        ("ALTER TABLE items ALTER changed SET DEFAULT now()", True),
        (LOOKING, False),
        (RAISING_ONCE.format(id=0, act="NULL"), False),
        ("ALTER TABLE items ADD CHECK (id > 0)", False),
        ("ALTER TABLE items ENABLE ROW LEVEL SECURITY", False),
        ("CREATE RULE nothing AS ON UPDATE TO items DO ALSO NOTHING", False),
        ("CREATE TABLE archive () INHERITS (items)", False),
    ],
)
def test_what_acts_on_a_row_is_noticed(items: Rig, acting, alone):
    items.at_target(acting)
    load = LoadSql(
        target=TableName("public", "items"),
        columns=("id",),
        collations={},
        key=("id",),
        watermark=None,
        kind=None,
        settled=None,
    )

    assert items.rows(load.stands_alone().as_string(None)) == [(alone,)]


@pytest.mark.parametrize("state", ["serialization_failure", "check_violation"])
def test_a_batch_that_could_not_be_written_early_is_written_in_its_turn(nine: Rig, state):
    act = f"RAISE EXCEPTION USING ERRCODE = '{state}'"
    nine.at_target(INDEXED.format(id=3, act=act))

    run = nine.run(RAW)

    assert (run.status, is_whole(nine)) == (Status.SUCCESS, True), run.error
    assert nine.rows("SELECT last_value FROM tries") == [(2,)]


def stores_all_though_rows_are_taken_back(rig: Rig) -> None:
    """Hold a run up until the rows that it has written early are gone again."""

    def waits(run: Run) -> None:
        if run.batches == 1:
            assert is_so(rig, WRITING)
            assert is_so(rig, f"SELECT WHERE NOT EXISTS ({WRITING})")

    run = replace(rig.use_case(), on_step=waits)(RAW, rig.order())

    assert (run.status, is_whole(rig)) == (Status.SUCCESS, True), run.error


@pytest.fixture
def patient(monkeypatch):
    """Let what is written early wait for ever, unless it is in somebody's way."""
    monkeypatch.setattr(appending, "EARLY_S", math.inf)


@pytest.mark.usefixtures("patient")
def test_rows_written_early_that_block_the_batch_before_give_way(items: Rig):
    items.at_source(
        "ALTER TABLE items DROP CONSTRAINT items_pkey",
        "INSERT INTO items SELECT id, 'row ' || at, '2026-03-01 11:00'::timestamp"
        " FROM unnest(ARRAY[1, 2, 3, 4, 5, 4, 6]) WITH ORDINALITY AS s (id, at)",
    )
    items.at_target(INDEXED.format(id=3, act=UNTIL_NEXT_IS_WRITTEN))

    run = items.run(RAW)

    assert run.tally == Tally(extracted=7, inserted=6, updated=1), run.error
    assert items.rows(STORED) == [
        (id_, f"row {at}") for id_, at in [(1, 1), (2, 2), (3, 3), (4, 6), (5, 5), (6, 7)]
    ]


def test_two_batches_that_wait_for_each_other_are_both_stored(items: Rig):
    items.at_source(
        "ALTER TABLE items DROP CONSTRAINT items_pkey",
        "INSERT INTO items SELECT id, 'row ' || at, '2026-03-01 11:00'::timestamp"
        " FROM unnest(ARRAY[1, 2, 3, 4, 4, 3, 5]) WITH ORDINALITY AS s (id, at)",
    )
    items.at_target(CROSSING)
    run = items.run(RAW)

    assert run.tally == Tally(extracted=7, inserted=5, updated=2), run.error
    assert items.rows(STORED) == [
        (id_, f"row {at}") for id_, at in [(1, 1), (2, 2), (3, 6), (4, 5), (5, 7)]
    ]
    assert is_so(
        items, "SELECT FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0"
    )


@pytest.mark.usefixtures("patient")
def test_rows_written_early_give_way_to_others(nine: Rig):
    def rivals(run: Run) -> None:
        if run.batches == 1:
            assert is_so(nine, WRITING)
            nine.at_target("SET lock_timeout TO '5s'", "INSERT INTO items VALUES (3, 'theirs')")

    run = replace(nine.use_case(), on_step=rivals)(RAW, nine.order())

    assert run.tally == Tally(extracted=9, inserted=8, updated=1), run.error
    assert nine.rows(STORED) == [(at, f"row {at}") for at in range(1, 10)]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "hidden", ["SELECT ON pg_locks", "EXECUTE ON FUNCTION pg_blocking_pids(int)"]
)
def test_who_may_not_look_at_locks_writes_each_batch_in_its_turn(nine: Rig, monkeypatch, hidden):
    monkeypatch.setattr(appending, "LOOK_EVERY_S", 1)
    nine.at_target(f"REVOKE {hidden} FROM PUBLIC")
    stores_all_though_rows_are_taken_back(nine)


def test_rows_written_early_whose_turn_does_not_come_are_taken_back(nine: Rig):
    stores_all_though_rows_are_taken_back(nine)


REFUSING_A_COMMIT = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF new.batch_seq = 1 AND nextval('public.tries') = 1 THEN
    LOOP
      PERFORM FROM pg_locks WHERE relation = 'public.items'::regclass AND pid <> pg_backend_pid();
      EXIT WHEN FOUND;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION defers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN new; END $$;
CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON quper.sync_batches
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuses();
CREATE TRIGGER defers BEFORE INSERT ON quper.sync_batches FOR EACH ROW EXECUTE FUNCTION defers();
"""


def test_a_commit_that_is_refused_when_the_next_batch_is_written_counts_no_row_twice(nine: Rig):
    nine.at_target(REFUSING_A_COMMIT)

    run = nine.run(RAW)

    assert (run.tally, is_whole(nine)) == (Tally(extracted=9, inserted=9), True), run.error
    assert nine.rows("SELECT is_called FROM tries") == [(True,)]


def test_what_was_written_early_when_somebody_stops_the_run_is_not_stored(nine: Rig):
    def stops(run: Run) -> None:
        if run.batches == STOPS_AFTER:
            assert is_so(nine, WRITING)
            nine.stop.request()

    run = replace(nine.use_case(), on_step=stops)(RAW, nine.order())

    assert (run.status, run.batches) == (Status.CANCELED, STOPS_AFTER)
    assert nine.rows(STORED) == [(at, f"row {at}") for at in range(1, 5)]


def test_nobody_takes_over_a_job_whose_batch_is_written_early(nine: Rig):
    claims = []

    def claims_too(run: Run) -> None:
        if run.batches == STOPS_AFTER:
            assert is_so(nine, WRITING)
            nine.at_target("UPDATE quper.qupersync_leases SET lease_expires_at = '2026-01-01'")
            with nine.open_target("another") as target:
                claims.append(target.leases.claim(RAW, uuid4()))

    run = replace(nine.use_case(), on_step=claims_too)(RAW, nine.order())

    assert (run.status, claims) == (Status.SUCCESS, [None]), run.error
