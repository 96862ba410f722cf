"""What must be true of source and target after any fault, and after the run that follows it."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

Row = tuple[int, str, datetime]
CANARY = "canary"
ITEMS = "SELECT id, name, changed FROM items ORDER BY changed"
STATE = "SELECT batch_seq, coalesce(watermark, ''), fence FROM quper.qupersync_state"
LEDGER = """
SELECT batch_seq, fence, coalesce(watermark, '') FROM quper.sync_batches ORDER BY batch_seq
"""
RUNNING = """
SELECT l.run_id, e.lease_owner FROM quper.sync_logs AS l
  LEFT JOIN quper.qupersync_leases AS e ON e.source = l.source AND e.job = l.sync_job_id
       AND e.lease_owner = l.run_id
 WHERE l.status = 'running'
"""
# Counts that differ between the log of a run that has ended and its ledger.
MISCOUNTED = """
SELECT l.run_id FROM quper.sync_logs AS l
  LEFT JOIN quper.sync_batches AS b ON b.run_id = l.run_id
 WHERE l.status <> 'running' GROUP BY l.run_id
HAVING (l.batches, l.rows_extracted, l.rows_inserted, l.rows_updated, l.rows_unchanged,
        l.rows_deduplicated, l.rows_skipped, l.rows_deleted)
       IS DISTINCT FROM
       (count(b), coalesce(sum(b.rows_extracted), 0), coalesce(sum(b.rows_inserted), 0),
        coalesce(sum(b.rows_updated), 0), coalesce(sum(b.rows_unchanged), 0),
        coalesce(sum(b.rows_deduplicated), 0), coalesce(sum(b.rows_skipped), 0),
        coalesce(sum(b.rows_deleted), 0))
"""
UNTOLD = """
SELECT run_id FROM quper.sync_logs AS l
 WHERE status NOT IN ('running', 'skipped') AND (SELECT count(*) FROM quper.sync_attempts AS a
                                 WHERE a.run_id = l.run_id AND a.completed_at IS NOT NULL)
       IS DISTINCT FROM attempts
"""
HELD = "SELECT job FROM quper.qupersync_leases WHERE lease_owner IS NOT NULL"
SET_ASIDE = "SELECT key FROM quper.sync_rejects WHERE resolved_at IS NULL"
TOLD = """
SELECT l::text FROM quper.sync_logs AS l UNION ALL SELECT b::text FROM quper.sync_batches AS b
UNION ALL SELECT a::text FROM quper.sync_attempts AS a
UNION ALL SELECT s::text FROM quper.qupersync_state AS s
UNION ALL SELECT e::text FROM quper.qupersync_leases AS e
"""


@dataclass
class Invariants:
    """Compares both databases of a site, and with what they were like at the last look."""

    source: str
    target: str
    reached: tuple[int, str, int] = (0, "", 0)

    def hold(self) -> None:
        """Check what holds at all times while nobody works, also between a crash and recovery."""
        self.no_row_is_owed()
        self.nothing_goes_back()
        self.ledger_has_no_gap()
        self.open_runs_have_a_lease()
        assert self._target(MISCOUNTED) == [], "a run is not the sum of its batches"
        assert self._target(UNTOLD) == []
        self.no_secret(*(row for (row,) in self._target(TOLD)))

    def hold_at_the_end(self) -> None:
        """Check what holds as well after a run that nothing disturbed."""
        self.hold()
        assert self._target(HELD) == []
        assert self._target(RUNNING) == []
        assert self._loaded() == self._owed(self._watermark())

    def no_row_is_owed(self) -> None:
        """Check that no row lacks before the watermark, and none was made up or reverted."""
        versions = defaultdict(list)
        for row in self._source(ITEMS):
            versions[row[0]].append(row)
        loaded = self._loaded()
        for key, row in self._owed(self._watermark()).items():
            newer = versions[key][versions[key].index(row) :]
            assert loaded.get(key) in newer, f"{key} is owed"
        for key, row in loaded.items():
            assert row in versions[key], f"{key} was made up"

    def nothing_goes_back(self) -> None:
        """Check that batch number, watermark and fence are not behind those of the last look."""
        rows = self._target(STATE)
        now = rows[0] if rows else self.reached
        assert all(a <= b for a, b in zip(self.reached, now, strict=True)), (
            f"the state went back from {self.reached} to {now}"
        )
        self.reached = now

    def ledger_has_no_gap(self) -> None:
        """Check that batches are numbered 1, 2, 3 as the state says, and fences only grow."""
        ledger = self._target(LEDGER)
        numbers, fences = [row[0] for row in ledger], [row[1] for row in ledger]
        marks = [row[2] for row in ledger if row[2]]
        assert numbers == list(range(1, self.reached[0] + 1)), "the ledger has a gap"
        assert fences == sorted(fences), "a stale run wrote"
        assert marks == sorted(marks), "the watermark went back"
        assert not ledger or (marks[-1:] or [""]) == [self.reached[1]]

    def open_runs_have_a_lease(self) -> None:
        """Check that each open run is the holder of its job's lease."""
        assert [run for run, owner in self._target(RUNNING) if owner is None] == []

    def no_secret(self, *texts: str) -> None:
        """Check that passwords and rows are not told."""
        assert [text for text in texts if CANARY in text] == []

    def _watermark(self) -> datetime:
        rows = self._target(STATE)
        mark = rows[0][1] if rows else ""
        return datetime.fromisoformat(mark[:-1]) if mark else datetime.min  # noqa: DTZ901

    def _owed(self, until: datetime) -> dict[int, Row]:
        """Return the newest version of each row before ``until`` that was not set aside."""
        aside = {int(json.loads(key)[0]) for (key,) in self._target(SET_ASIDE)}
        rows = {row[0]: row for row in self._source(ITEMS) if row[2] < until}
        return {key: row for key, row in rows.items() if key not in aside}

    def _loaded(self) -> dict[int, Row]:
        return {row[0]: row for row in self._target(ITEMS)}

    def _source(self, query: str) -> list[Any]:
        return _rows(self.source, query)

    def _target(self, query: str) -> list[Any]:
        return _rows(self.target, query)


def _rows(conninfo: str, query: str) -> list[Any]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query.encode()).fetchall()
