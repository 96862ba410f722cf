"""Of a snapshot's row that only the merge refuses, however late, the bytes of the wire are kept."""

import struct

import pytest

from qupersync.domain.batch import Tally
from tests.datarow import body
from tests.pipeline.drawn import packed
from tests.pipeline.replay import Replay
from tests.pipeline.rig import Rig, a_snapshot
from tests.pipeline.test_reject_replay import rejects

LOADS = pytest.mark.parametrize("load", ["copy", "executemany"])
TYPES = {
    "id": ("integer", 23), "yes": ("boolean", 16), "big": ("bigint", 20), "real": ("real", 700),
    "float": ("double precision", 701), "sum": ("numeric(9,2)", 1700), "name": ("text", 1043),
    "at": ("timestamp", 1114), "day": ("date", 1082), "none": ("smallint", 21),
}  # fmt: skip
REST = (
    b"\1", *packed("!q", -(2**63)), *packed("!f", float("nan")), *packed("!d", -0.0), b"1.5",
    "äö😀  ".encode(), *packed("!q", 2**63 - 1), b"0044-03-15 BC", None,
)  # fmt: skip
CHECK = "ALTER TABLE items ADD CONSTRAINT good CHECK (id NOT IN (1, 4, 6))"


def items(rig: Rig) -> list[tuple[bytes | None, ...]]:
    """Make the table, which refuses three of seven rows; these are returned."""
    columns = (f'"{name}" {kind}' for name, (kind, _) in TYPES.items())
    rig.at_target(f"CREATE TABLE items ({', '.join(columns)}, PRIMARY KEY (id))", CHECK)
    return [(struct.pack("!i", at), *REST) for at in range(1, 8)]


def loaded(rig: Rig, rows: list[tuple[bytes | None, ...]], load: str) -> Tally:
    source = Replay(oids={name: oid for name, (_, oid) in TYPES.items()}, rows=rows)
    run = source.loaded(rig, a_snapshot(load=load, batch_size=2, max_rejects="100%"))
    assert run.status == "success", run.error
    return run.tally


@LOADS
def test_each_reject_has_the_bytes_that_came(rig: Rig, load: str):
    rows = items(rig)

    assert loaded(rig, rows, load) == Tally(extracted=7, inserted=4, skipped=3)

    assert rejects(rig, "payload, key, reason") == [
        (body(rows[at - 1]), f'["{at}"]', "check") for at in (1, 4, 6)
    ]
    alike = "SELECT DISTINCT payload_format, row - 'id' FROM quper.sync_rejects"
    assert len(rig.rows(alike)) == 1


@LOADS
def test_also_when_a_batch_had_to_be_checked_between_two_others(rig: Rig, load: str):
    rows = items(rig)
    rows[2] = (*rows[2][:5], b"1.234", *rows[2][6:])

    assert loaded(rig, rows, load) == Tally(extracted=7, inserted=3, skipped=4)

    assert rejects(rig, "payload, reason") == [
        (body(rows[2]), "lossy-cast"), *((body(rows[at - 1]), "check") for at in (1, 4, 6)),
    ]  # fmt: skip
