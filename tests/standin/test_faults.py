"""Each fault comes when it was ordered, looks to the driver as it would, and comes no more."""

import threading
import time
from contextlib import closing

import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from qupersync.demo.certificates import make_certificates
from qupersync.demo.fault_plan import Faults
from qupersync.demo.faults import (
    AfterBytes,
    AfterRows,
    AtMessage,
    AtSql,
    BlackHole,
    Cut,
    Delay,
    Fault,
    ReplaceField,
    Sender,
)
from qupersync.demo.frames import ServerError, query
from qupersync.demo.standin import StandIn
from tests.standin.driver import connect, refusal

TEN_ROWS = "SELECT 'row ' || n FROM generate_series(1, 10) AS n"
CRASH = ServerError(sqlstate="XX000", message="1023")
SHUTDOWN = ServerError(
    severity="FATAL",
    sqlstate="57P01",
    message="terminating connection due to administrator command",
)
LOST = (InterfaceError, OSError)


def rows(connection, sql=TEN_ROWS):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def works(connection):
    connection.rollback()
    return rows(connection) == tuple([f"row {n}"] for n in range(1, 11))


@pytest.mark.parametrize("cut", [Cut(), Cut(reset=True)])
def test_a_cut_comes_after_exactly_so_many_rows(stand_in, connection, cut):
    stand_in.faults.arm(Fault(when=AfterRows(4), what=cut))
    cursor = connection.cursor()

    with pytest.raises(LOST):
        cursor.execute(TEN_ROWS)

    received = [row[0] for row in cursor._cached_rows]
    assert received == ["row 1", "row 2", "row 3", "row 4"][: len(received)]
    assert len(received) == 4 or cut.reset  # a reset may overtake what was sent


def test_an_orderly_end_and_a_reset_look_different(stand_in):
    stand_in.faults.arm(Fault(when=AtSql("row"), what=Cut()))
    with (
        closing(connect(stand_in)) as connection,
        pytest.raises(InterfaceError, match="server socket closed"),
    ):
        rows(connection)

    stand_in.faults.arm(Fault(when=AtSql("row"), what=Cut(reset=True)))
    with closing(connect(stand_in)) as connection, pytest.raises(ConnectionResetError):
        rows(connection)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_cut_comes_after_exactly_so_many_bytes(stand_in, connection, size):
    stand_in.faults.arm(Fault(when=AfterBytes(size), what=Cut()))

    connection._usock.sendall(bytes(query(TEN_ROWS)))

    assert len(connection._usock.makefile("rb").read()) == size


def test_a_transaction_that_was_cut_is_rolled_back(stand_in, server):
    stand_in.faults.arm(Fault(when=AtSql("commit"), what=Cut()))
    with closing(connect(stand_in)) as connection:
        rows(connection, "SELECT pg_advisory_xact_lock(4711)")
        with pytest.raises(LOST):
            connection.commit()

    with closing(connect(stand_in, timeout=20)) as connection:
        rows(connection, "SELECT pg_advisory_xact_lock(4711)")  # waits for the old one to be gone
        assert works(connection)


@pytest.mark.parametrize(
    "point",
    [
        AtMessage(Sender.CLIENT, b"P"),
        AtMessage(Sender.CLIENT, b"B"),
        AtMessage(Sender.CLIENT, b"E"),
        AtMessage(Sender.CLIENT, b"S", 2),
        AtMessage(Sender.SERVER, b"D", 3),
        AtMessage(Sender.SERVER, b"C"),
        AtMessage(Sender.SERVER, b"Z", 2),
        AfterRows(5),
        AfterRows(10),
        AtSql("GENERATE_series"),
    ],
    ids=str,
)
@pytest.mark.parametrize("in_transaction", [True, False])
def test_an_error_leaves_a_connection_that_can_be_rolled_back(
    stand_in, connection, point, in_transaction
):
    connection.autocommit = not in_transaction
    rows(connection, "SELECT 1")
    stand_in.faults.arm(Fault(when=point, what=CRASH))

    with pytest.raises(ProgrammingError) as crash:
        rows(connection)

    assert (crash.value.args[0]["C"], crash.value.args[0]["M"]) == ("XX000", "1023")
    assert connection.in_transaction is in_transaction
    assert works(connection)


@pytest.mark.parametrize("point", [AtSql("row"), AfterRows(3)])
def test_an_error_really_fails_the_transaction(stand_in, connection, point):
    rows(connection, "SELECT 1")
    stand_in.faults.arm(Fault(when=point, what=CRASH))
    with pytest.raises(ProgrammingError):
        rows(connection)

    with pytest.raises(ProgrammingError) as aborted:
        rows(connection, "SELECT 2")

    assert aborted.value.args[0]["C"] == "25P02"


@pytest.mark.parametrize("point", [AtSql("row"), AfterRows(3)])
def test_a_fatal_error_is_the_servers_last_word(stand_in, connection, point):
    stand_in.faults.arm(Fault(when=point, what=SHUTDOWN))

    with pytest.raises(InterfaceError, match="server socket closed"):
        rows(connection)

    assert connection.error.args[0]["C"] == "57P01"


@pytest.mark.parametrize("error", [SHUTDOWN, CRASH])
def test_any_error_at_the_start_packet_refuses_the_client(stand_in, error):
    stand_in.faults.arm(Fault(when=AtMessage(Sender.CLIENT, b""), what=error))

    assert refusal(stand_in)["C"] == error.sqlstate


def test_a_black_hole_is_silence_on_an_open_connection(stand_in):
    with closing(connect(stand_in, timeout=0.2)) as connection:
        stand_in.faults.arm(Fault(when=AfterRows(2), what=BlackHole()))

        with pytest.raises(TimeoutError):
            rows(connection)


def test_a_delay_lasts_until_it_is_released(stand_in, connection):
    delay = Delay()
    fault = stand_in.faults.arm(Fault(when=AfterRows(2), what=delay))
    results = []
    reader = threading.Thread(target=lambda: results.append(works(connection)))
    reader.start()
    assert fault.reached.wait(20)

    assert not results
    delay.until.set()
    reader.join(20)

    assert results == [True]


def test_a_delay_ends_by_itself_after_its_seconds(stand_in, connection):
    stand_in.faults.arm(Fault(when=AfterRows(2), what=Delay(seconds=0.2)))
    begin = time.monotonic()

    assert works(connection)
    assert 0.2 <= time.monotonic() - begin < 10


def test_disarming_lets_go_who_is_held(stand_in, connection):
    fault = stand_in.faults.arm(Fault(when=AfterRows(2), what=Delay()))
    reader = threading.Thread(target=works, args=(connection,))
    reader.start()
    assert fault.reached.wait(20)

    stand_in.faults.disarm(fault)

    reader.join(20)
    assert not reader.is_alive()


def test_a_disarmed_fault_does_not_come(stand_in, connection):
    fault = stand_in.faults.arm(Fault(when=AfterRows(2), what=Cut()))
    stand_in.faults.disarm(fault)

    assert works(connection)
    assert not fault.reached.is_set()


def test_bytes_that_are_no_utf8_reach_the_driver(stand_in, connection):
    third_row = AtMessage(Sender.SERVER, b"D", 3)
    stand_in.faults.arm(Fault(when=third_row, what=ReplaceField(column=1, value=b"\xc3")))

    with pytest.raises(UnicodeDecodeError):
        rows(connection, "SELECT NULL, 'a', NULL, n FROM generate_series(1, 5) AS n")


def test_the_other_fields_of_a_changed_row_stay(stand_in, connection):
    first_row = AtMessage(Sender.SERVER, b"D")
    stand_in.faults.arm(Fault(when=first_row, what=ReplaceField(column=1, value="ä€".encode())))

    assert rows(connection, "SELECT NULL, 'a', '', NULL, 7") == ([None, "ä€", "", None, 7],)


def test_sql_is_recognised_although_the_driver_prepared_it_once(stand_in, connection):
    connection.cursor().execute(f"DECLARE c CURSOR FOR {TEN_ROWS}")
    stand_in.faults.arm(Fault(when=AtSql("fetch", 3), what=CRASH))
    fetch = "FETCH FORWARD 2 FROM c"
    assert [len(rows(connection, fetch)) for _ in range(2)] == [2, 2]

    with pytest.raises(ProgrammingError):
        rows(connection, fetch)


def test_a_fault_comes_as_often_as_it_says_and_counts_anew_each_time(stand_in, connection):
    stand_in.faults.arm(Fault(when=AtSql("row", 2), what=CRASH, times=2))
    outcomes = []
    for _ in range(6):
        try:
            outcomes.append(works(connection))
        except ProgrammingError:
            outcomes.append(False)

    assert outcomes == [True, False, True, False, True, True]


def test_a_fault_armed_from_the_start_is_shared_by_the_sessions(server):
    faults = Faults(Fault(when=AtSql("row"), what=Cut()))
    with StandIn(upstream=server, faults=faults) as stand_in:
        with closing(connect(stand_in)) as first, pytest.raises(LOST):
            rows(first)
        with closing(connect(stand_in)) as second:
            assert works(second)


def test_rows_seen_before_the_arming_do_not_count(stand_in, connection):
    rows(connection)
    stand_in.faults.arm(Fault(when=AfterRows(11), what=Cut()))

    assert works(connection)
    with pytest.raises(LOST):
        rows(connection)


@pytest.mark.parametrize("what", [Delay(), BlackHole()])
def test_a_stand_in_closes_although_a_fault_holds_a_session(server, what):
    before = threading.active_count()
    with StandIn(upstream=server) as stand_in, closing(connect(stand_in)) as connection:
        fault = stand_in.faults.arm(Fault(when=AtSql("row"), what=what))
        connection._usock.sendall(bytes(query(TEN_ROWS)))
        assert fault.reached.wait(20)

    assert threading.active_count() == before


def test_a_fault_works_under_tls_too(server, tmp_path, monkeypatch):
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    with (
        StandIn(upstream=server, tls=certificates) as stand_in,
        closing(connect(stand_in, ssl=True, sslmode="verify-full")) as connection,
    ):
        stand_in.faults.arm(Fault(when=AfterRows(4), what=Cut(reset=True)))

        with pytest.raises(LOST):
            rows(connection)


@pytest.mark.parametrize(
    ("when", "what"),
    [
        (AfterBytes(3), CRASH),
        (AfterRows(3), ReplaceField(column=0, value=b"")),
        (AtMessage(Sender.CLIENT, b"D"), ReplaceField(column=0, value=b"")),
    ],
)
def test_a_fault_that_makes_no_sense_is_not_made(when, what):
    with pytest.raises(ValueError, match=r"a server|a field"):
        Fault(when=when, what=what)
