"""What the source's driver keeps in memory while a connection works."""

import gc

from redshift_connector.cursor import Cursor

from tests.pipeline.rig import Rig


def cursors() -> int:
    return sum(isinstance(found, Cursor) for found in gc.get_objects())


def test_statements_leave_no_cursors_for_the_garbage_collector(rig: Rig):
    with rig.open_source(60) as source:
        before = cursors()
        gc.disable()
        try:
            answers = [source.ask(f"SELECT {n}") for n in range(3)]
            assert cursors() == before
        finally:
            gc.enable()

    assert answers == [(0,), (1,), (2,)]
