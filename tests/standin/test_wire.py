"""What the driver sees of the stand-in when nothing goes wrong, and what it is refused."""

import socket
import threading
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from redshift_connector.error import Error, ProgrammingError

from qupersync.demo.certificates import make_certificates
from qupersync.demo.frames import CANCEL_REQUEST, Frame
from qupersync.demo.postgres import PostgresAddress
from qupersync.demo.standin import StandIn
from tests.standin.driver import connect, refusal

ROWS = "SELECT n, repeat('x', 100) FROM generate_series(1, 20000) AS n"


def run(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def sqlstate_of(connection, sql):
    with pytest.raises(Error) as refused:
        run(connection, sql)
    return refused.value.args[0]["C"]


def test_rows_arrive_whole_and_in_order(connection):
    assert run(connection, ROWS) == [(n, "x" * 100) for n in range(1, 20001)]


def test_it_reports_what_redshift_reports_and_nothing_newer(connection):
    reported = dict(connection.parameter_statuses)

    assert reported[b"server_version"] == b"8.0.2"
    assert set(reported) == {
        b"client_encoding", b"DateStyle", b"integer_datetimes", b"is_superuser",
        b"server_encoding", b"server_version", b"session_authorization", b"TimeZone",
    }  # fmt: skip


def test_a_fetch_has_no_row_count_as_on_redshift(connection):
    with connection.cursor() as cursor:
        cursor.execute("DECLARE c CURSOR FOR SELECT 1")
        cursor.execute("FETCH FORWARD 10 FROM c")

        assert cursor.rowcount == -1


def test_the_application_name_reaches_the_database(stand_in):
    with closing(connect(stand_in, application_name="qupersync")) as connection:
        assert run(connection, "SHOW application_name") == [("qupersync",)]


def test_the_client_chooses_the_database(stand_in):
    with closing(connect(stand_in, database="template1")) as connection:
        assert run(connection, "SELECT current_database()") == [("template1",)]


def test_an_unknown_database_is_refused_in_the_words_of_the_server(stand_in):
    answer = refusal(stand_in, database="nowhere")

    assert (answer["C"], answer["M"]) == ("3D000", 'database "nowhere" does not exist')
    assert "V" not in answer


@pytest.mark.parametrize("login", [{"user": "mallory"}, {"password": "guess"}])
def test_a_wrong_user_or_password_is_refused_as_redshift_refuses_it(stand_in, login):
    answer = refusal(stand_in, **login)

    user = login.get("user", "quper")
    assert set(answer) == set("SCMFLR")
    assert (answer["S"], answer["C"]) == ("FATAL", "28000")
    assert answer["M"] == f'password authentication failed for user "{user}"'
    assert answer["F"].startswith("../src/")


def test_one_connection_too_many_is_refused(stand_in, connection):
    stand_in.max_connections = 1

    answer = refusal(stand_in)

    assert (answer["S"], answer["C"]) == ("FATAL", "53300")
    assert answer["M"] == 'connection limit "1" exceeded for non-bootstrap users'


def test_a_second_open_cursor_is_refused(connection):
    run(connection, "DECLARE first CURSOR FOR SELECT 1")

    assert sqlstate_of(connection, "DECLARE second CURSOR FOR SELECT 2") == "24000"


@pytest.mark.parametrize("end", ["CLOSE first", "COMMIT", "ROLLBACK"])
def test_a_cursor_that_has_ended_makes_room_for_the_next(connection, end):
    for _ in range(2):  # the second time around the driver sends prepared statements only
        run(connection, "DECLARE first CURSOR FOR SELECT 1")
        run(connection, end)

    run(connection, "DECLARE second CURSOR FOR SELECT 2")
    assert run(connection, "FETCH FORWARD 1 FROM second") == [(2,)]


def test_a_prepared_second_cursor_is_refused_too(connection):
    run(connection, "DECLARE first CURSOR FOR SELECT 1")
    connection.commit()
    run(connection, "DECLARE second CURSOR FOR SELECT 1")

    assert sqlstate_of(connection, "DECLARE first CURSOR FOR SELECT 1") == "24000"


def test_a_single_node_gives_a_thousand_rows_at_a_time(connection):
    run(connection, f"DECLARE c CURSOR FOR {ROWS}")
    assert len(run(connection, "FETCH FORWARD 1000 FROM c")) == 1000

    with pytest.raises(ProgrammingError) as refused:
        run(connection, "FETCH FORWARD 1001 FROM c")

    assert refused.value.args[0]["M"] == (
        "Fetch size 1001 exceeds the limit of 1000 for a single node configuration. Reduce the"
        " client fetch/cache size or upgrade to a multi node installation."
    )


@pytest.mark.parametrize("fetch", ["FETCH ALL FROM c", "/* all */ fetch forward all from c"])
def test_a_single_node_does_not_give_all_rows_at_once(connection, fetch):
    run(connection, f"DECLARE c CURSOR FOR {ROWS}")

    assert sqlstate_of(connection, fetch) == "0A000"


@pytest.mark.parametrize(("count", "rows"), [("10000", 10000), ("ALL", 20000)])
def test_several_nodes_give_as_many_rows_as_asked(server, count, rows):
    with (
        StandIn(upstream=server, single_node=False) as stand_in,
        closing(connect(stand_in)) as connection,
    ):
        run(connection, f"DECLARE c CURSOR FOR {ROWS}")

        assert len(run(connection, f"FETCH FORWARD {count} FROM c")) == rows


def test_on_conflict_is_a_syntax_error(connection):
    run(connection, "CREATE TEMP TABLE keys (id text PRIMARY KEY)")

    with pytest.raises(ProgrammingError) as refused:
        run(connection, "INSERT INTO keys VALUES ('--') ON /* ' */\n CONFLICT DO NOTHING")

    answer = refused.value.args[0]
    assert (answer["C"], answer["M"]) == ("42601", 'syntax error at or near "ON"')


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT 'it''s ON CONFLICT'", "it's ON CONFLICT"),
        (r"SELECT e'it\'s ON CONFLICT'", "it's ON CONFLICT"),
        ('SELECT 1 AS "ON CONFLICT"', 1),
        ("SELECT 1 -- ON CONFLICT", 1),
        ("SELECT /* ON CONFLICT */ 1", 1),
        ("SELECT $q$ON CONFLICT$q$", "ON CONFLICT"),
    ],
)
def test_quoted_words_are_no_syntax(connection, sql, value):
    assert run(connection, sql) == [(value,)]


def test_a_refused_statement_loses_the_transaction_until_it_is_rolled_back(connection):
    run(connection, "CREATE TEMP TABLE lost (id int)")
    assert sqlstate_of(connection, "FETCH FORWARD 2000 FROM c") == "XX000"

    assert sqlstate_of(connection, "SELECT 1") == "25P02"

    connection.rollback()
    assert run(connection, "SELECT to_regclass('lost') IS NULL") == [(True,)]


def test_a_refused_statement_outside_a_transaction_harms_nothing(connection):
    connection.autocommit = True
    assert sqlstate_of(connection, "FETCH FORWARD 2000 FROM c") == "XX000"

    assert run(connection, "SELECT 1") == [(1,)]
    assert not connection.in_transaction


def test_the_simple_protocol_is_held_to_the_same(stand_in):
    dsn = f"host={stand_in.host} port={stand_in.port} user=quper password=quper dbname=postgres"
    with closing(psycopg.connect(dsn, sslmode="prefer")) as connection:
        connection.execute("DECLARE c CURSOR FOR SELECT 1")

        refused = connection.pgconn.exec_(b"FETCH FORWARD 2000 FROM c")

        assert b"Fetch size 2000 exceeds" in refused.error_message
        assert connection.info.transaction_status is TransactionStatus.INERROR


def test_a_cancel_request_stops_the_query(stand_in, connection):
    errors: list[str] = []
    victim = threading.Thread(
        target=lambda: errors.append(sqlstate_of(connection, "SELECT 1 FROM pg_sleep(20)"))
    )
    victim.start()
    while victim.is_alive():  # a cancel request that comes before the query does nothing
        cancel(stand_in, connection)
        victim.join(0.05)

    assert errors == ["57014"]


def cancel(stand_in, connection):
    packet = Frame(kind=b"", body=CANCEL_REQUEST.to_bytes(4) + connection._backend_key_data)
    with socket.create_connection((stand_in.host, stand_in.port)) as other:
        other.sendall(bytes(packet))
        assert other.recv(1) == b""


def test_without_a_certificate_tls_is_refused(stand_in):
    assert refusal(stand_in, ssl=True) == "Server refuses SSL"


def test_a_good_certificate_passes_the_full_check(server, tmp_path, monkeypatch):
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))

    with (
        StandIn(upstream=server, tls=certificates) as stand_in,
        closing(connect(stand_in, ssl=True, sslmode="verify-full")) as connection,
    ):
        assert run(connection, ROWS) == [(n, "x" * 100) for n in range(1, 20001)]
        assert run(connection, f"SELECT length('{'x' * 200_000}')") == [(200_000,)]


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ({"names": ("elsewhere.example",)}, "IP address mismatch"),
        ({"expires": datetime(2001, 1, 1, tzinfo=UTC)}, "certificate has expired"),
    ],
)
def test_a_flawed_certificate_is_refused(server, tmp_path, monkeypatch, flaw, reason):
    certificates = make_certificates(tmp_path, **flaw)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))

    with StandIn(upstream=server, tls=certificates) as stand_in:
        assert reason in str(refusal(stand_in, ssl=True, sslmode="verify-full"))


def test_an_unknown_authority_is_refused(server, tmp_path):
    with StandIn(upstream=server, tls=make_certificates(tmp_path)) as stand_in:
        assert "unable to get local issuer certificate" in str(
            refusal(stand_in, ssl=True, sslmode="verify-full")
        )


def test_closing_ends_every_session_and_thread(server):
    before = threading.active_count()
    with StandIn(upstream=server) as stand_in:
        idle = connect(stand_in)
        mute = socket.create_connection((stand_in.host, stand_in.port))

    assert threading.active_count() == before
    assert mute.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((stand_in.host, stand_in.port))
    mute.close()
    idle.close()


def test_a_postgres_that_asks_for_a_password_is_not_passed_off_as_redshift():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asker = threading.Thread(target=ask_for_a_password, args=(listener,))
        asker.start()
        upstream = PostgresAddress(host="127.0.0.1", port=listener.getsockname()[1])
        with StandIn(upstream=upstream) as stand_in:
            assert "must trust its user" in refusal(stand_in)["M"]
        asker.join()


def ask_for_a_password(listener):
    server, _ = listener.accept()
    with server:
        server.recv(4096)
        server.sendall(bytes(Frame(kind=b"R", body=(3).to_bytes(4))))
        server.recv(1)
