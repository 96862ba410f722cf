"""Which error of the source is worth a retry, and what of its text is told."""

import socket
import ssl
import struct
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from redshift_connector.error import (
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from qupersync.domain.errors import (
    BugError,
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    QuperSyncError,
    ResourceError,
    SourceUnavailableError,
    TimeLimitError,
)
from qupersync.infrastructure.redshift.errors import classified, translated


def answer(state: str, message: str = "", detail: str = "") -> ProgrammingError:
    return ProgrammingError({"S": "ERROR", "C": state, "M": message, "D": detail})


def aws(code: str, status: int = 400) -> ClientError:
    parts: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(parts, "GetClusterCredentials")


EXPIRED = "IAM Authentication token has expired"
BLOCK = "-----\n error: {} code: 1 context: node: 5 query: 15067689 location: a.cpp:913"
LOOK = "could not complete because of conflict with concurrent transaction"
CYCLE = "Serializable isolation violation on table - 142443, transactions forming the cycle are: 3"
RULE = 'Query (500029) cancelled by WLM abort action of Query Monitoring Rule "testrule".'
REFUSED = ConnectionRefusedError(111, "Connection refused")
NO_NAME = socket.gaierror(-2, "Name or service not known")
ALERT = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://redshift"), SourceUnavailableError),
        (ReadTimeoutError(endpoint_url="https://redshift"), SourceUnavailableError),
        (aws("Throttling"), SourceUnavailableError),
        (aws("ThrottlingException"), SourceUnavailableError),
        (aws("ServiceUnavailable"), SourceUnavailableError),
        (aws("InternalServerError"), SourceUnavailableError),
        (aws("Anything", 503), SourceUnavailableError),
        (aws("AccessDenied"), LoginRefusedError),
        (aws("ExpiredToken"), LoginRefusedError),
        (aws("ClusterNotFound"), LoginRefusedError),
        (NoCredentialsError(), LoginRefusedError),
        (ProfileNotFound(profile="x"), LoginRefusedError),
        (answer("42601"), QueryError),
        (answer("42P01"), QueryError),
        (answer("42703"), QueryError),
        (answer("42883"), QueryError),
        (answer("3F000"), QueryError),
        (answer("0A000", "function of the leader node only"), QueryError),
        (answer("54001"), QueryError),
        (answer("22012"), QueryError),
        (answer("42501", "permission denied for relation x"), PermissionDeniedError),
        (answer("28P01"), LoginRefusedError),
        (InterfaceError({"S": "FATAL", "C": "28000", "M": "no"}), LoginRefusedError),
        (InterfaceError({"S": "FATAL", "C": "28000", "M": EXPIRED}), SourceUnavailableError),
        (answer("XX000", EXPIRED), SourceUnavailableError),
        (answer("3D000"), LoginRefusedError),
        (answer("57014", "Query (150) canceled on user's request"), TimeLimitError),
        (answer("57014", "Query cancelled on user's request"), TimeLimitError),
        (answer("57014", "canceling statement due to statement timeout"), TimeLimitError),
        (answer("57014", RULE), QueryError),
        (answer("XX000", RULE), QueryError),
        (answer("57P01"), SourceUnavailableError),
        (answer("57P02"), SourceUnavailableError),
        (answer("57P03", "the database system is starting up"), SourceUnavailableError),
        (answer("08006"), SourceUnavailableError),
        (answer("53300"), ResourceError),
        (answer("53200", "out of memory"), ResourceError),
        (answer("XX000", 'connection limit "500" exceeded for non-bootstrap users'), ResourceError),
        (answer("XX000", "Disk Full", BLOCK.format("Disk Full")), ResourceError),
        (answer("40001"), ConflictError),
        (answer("40P01"), ConflictError),
        (answer("55P03"), ConflictError),
        (answer("XX000", "1023"), ConflictError),
        (answer("XX000", "error", CYCLE), ConflictError),
        (answer("XX000", f"1023 {CYCLE}"), ConflictError),
        (answer("XX000", LOOK), ConflictError),
        (answer("XX000", "could not open relation with OID 1"), ConflictError),
        (answer("XX000", "Relation with OID 17 does not exist"), ConflictError),
        (answer("0A000", "cached plan must not change result type"), ConflictError),
        (answer("XX000", "S3 Query Exception (Fetch)"), SourceUnavailableError),
        (answer("XX000", "S3Query Exception Connection failed, retries exceeded."),
         SourceUnavailableError),
        (answer("XX000", "Spectrum Scan Error", BLOCK.format("columns")), QueryError),
        (answer("XX000", "Assert"), QueryError),
        (answer("25P02"), BugError),
        (answer("ZZ999", "never heard of"), QueryError),
        (answer(""), QueryError),
        (TimeoutError("timed out"), TimeLimitError),
        (OSError("cannot read from timed out object"), TimeLimitError),
        (TimeoutError(110, "Connection timed out"), SourceUnavailableError),
        (ConnectionResetError(104, "reset by peer"), SourceUnavailableError),
        (BrokenPipeError(32, "Broken pipe"), SourceUnavailableError),
        (InterfaceError("BrokenPipe: server socket closed"), SourceUnavailableError),
        (InterfaceError("connection is closed"), SourceUnavailableError),
        (InterfaceError("communication error", REFUSED), SourceUnavailableError),
        (InterfaceError("communication error", NO_NAME), SourceUnavailableError),
        (InterfaceError("Server refuses SSL"), SourceUnavailableError),
        (InterfaceError("communication error", ssl.SSLEOFError(8, "EOF")), SourceUnavailableError),
        (InterfaceError("communication error", ALERT), LoginRefusedError),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), LoginRefusedError),
        (InterfaceError("Authentication method 7 not supported by redshift_connector."),
         LoginRefusedError),
        (InterfaceError("server requesting password authentication, but no password was provided"),
         LoginRefusedError),
        (InterfaceError("Connection parameter db_user must be specified when using IAM"),
         LoginRefusedError),
        (OperationalError("connection time out", TimeoutError("timed out")),
         SourceUnavailableError),
        (ProgrammingError("query was empty"), QueryError),
        (NotSupportedError("type 1 not mapped to pg type"), QueryError),
        (KeyError(b"x"), SourceUnavailableError),
        (IndexError("index out of range"), SourceUnavailableError),
        (struct.error("unpack requires a buffer of 5 bytes"), SourceUnavailableError),
    ],
    ids=repr,
)  # fmt: skip
def test_an_error_is_sorted_by_what_the_server_said_or_by_how_it_fell_silent(error, kind):
    with pytest.raises(QuperSyncError) as caught, translated():
        raise error

    assert type(caught.value) is kind


def test_what_the_server_said_before_it_hung_up_counts_more_than_the_cut():
    error = classified(InterfaceError("server socket closed"), answer("57014", "canceled"))

    assert type(error) is TimeLimitError
    assert str(error) == "Redshift answered: canceled (SQLSTATE 57014)"


@pytest.mark.parametrize(
    "error",
    [
        answer("22P02", 'invalid input syntax for integer: "s3cret"'),
        answer("22ZZZ", "never heard of s3cret"),
        answer("ZZ999", "never heard of s3cret"),
        answer("P0001", "s3cret is bad"),
        answer("XX000", "Assert", "context: s3cret"),
        answer("XX000", "Invalid digit, Value 's3'cret', Pos 0, Type: Integer"),
        UnicodeDecodeError("utf-8", b"s3cret\xff", 6, 7, "invalid start byte"),
        KeyError("s3cret"),
        ValueError("could not convert 's3cret'"),
    ],
)
def test_no_value_of_a_row_is_told(error):
    assert "cret" not in str(classified(error))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("22012", "division by zero"),
        ("22003", "numeric value out of range"),
        ("22P02", "invalid text representation"),
        ("22ZZZ", "a value does not fit"),
        ("ZZ999", "an unknown error"),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_words(state, words):
    assert str(classified(answer(state))) == f"Redshift answered: {words} (SQLSTATE {state})"


@pytest.mark.parametrize("quoted", ["'disk full'", '"disk full"'])
@pytest.mark.parametrize("state", ["22P02", "XX000", "42P01"])
def test_what_is_quoted_does_not_decide(state, quoted):
    assert type(classified(answer(state, f"what is {quoted}", f"that {quoted}"))) is QueryError


def test_a_query_that_a_rule_of_the_cluster_ended_is_told_with_the_rule():
    error = classified(answer("57014", RULE))

    assert '"testrule"' in str(error)
    assert "rule" in error.hint


@pytest.mark.parametrize("state", ["28000", "28P01", "3D000"])
def test_a_refused_login_names_the_variables_to_check(state):
    hint = classified(answer(state)).hint

    assert hint.startswith("check REDSHIFT_USER, REDSHIFT_PASSWORD and REDSHIFT_DB")


def test_a_failed_tls_handshake_is_told_with_what_to_check():
    verification = classified(ssl.SSLCertVerificationError(1, "certificate verify failed"))
    refused = classified(InterfaceError("Server refuses SSL"))

    assert "TLS with Redshift failed" in str(verification)
    assert "REDSHIFT_SSLMODE" in verification.hint == refused.hint


def test_an_error_in_the_block_keeps_its_cause():
    cause = answer("42601", "syntax error")

    with pytest.raises(QueryError, match="syntax error") as caught, translated():
        raise cause

    assert caught.value.__cause__ is cause


def test_a_bug_is_not_mistaken_for_the_sources_error():
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


def test_the_drivers_advice_about_our_own_timeout_is_not_told():
    said = "BrokenPipe: server socket closed. We noticed a timeout is set for this connection. Do."

    assert str(classified(InterfaceError(said))).endswith(": BrokenPipe: server socket closed")
