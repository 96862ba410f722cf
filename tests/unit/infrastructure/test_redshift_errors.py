"""Which error of the source is worth a retry, and what of its text is told."""

import ssl

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from redshift_connector.error import InterfaceError, OperationalError, ProgrammingError

from qupersync.domain.errors import (
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    ResourceError,
    SourceUnavailableError,
    TimeLimitError,
)
from qupersync.infrastructure.redshift.errors import classified, translated


def answer(state: str, message: str = "") -> ProgrammingError:
    return ProgrammingError({"S": "ERROR", "C": state, "M": message})


def aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetClusterCredentials")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://redshift"), SourceUnavailableError),
        (aws("Throttling"), SourceUnavailableError),
        (aws("AccessDenied"), LoginRefusedError),
        (aws("ExpiredToken"), LoginRefusedError),
        (NoCredentialsError(), LoginRefusedError),
        (answer("42601"), QueryError),
        (answer("42P01"), QueryError),
        (answer("42501"), PermissionDeniedError),
        (answer("28P01"), LoginRefusedError),
        (answer("28000"), LoginRefusedError),
        (answer("3D000"), LoginRefusedError),
        (answer("57014"), TimeLimitError),
        (answer("57P01"), SourceUnavailableError),
        (answer("08006"), SourceUnavailableError),
        (answer("53300"), ResourceError),
        (answer("40001"), ConflictError),
        (answer("55P03"), ConflictError),
        (answer("XX000", "1023 Serializable isolation violation on table - 1"), ConflictError),
        (answer("XX000", "could not open relation with OID 1"), ConflictError),
        (answer("XX000", "Disk Full"), ResourceError),
        (answer("XX000", "something else"), QueryError),
        (answer(""), QueryError),
        (TimeoutError("timed out"), TimeLimitError),
        (ConnectionResetError(104, "reset by peer"), SourceUnavailableError),
        (InterfaceError("BrokenPipe: server socket closed"), SourceUnavailableError),
        (OperationalError(), SourceUnavailableError),
        (KeyError(b"x"), SourceUnavailableError),
    ],
)
def test_an_error_is_sorted_by_what_the_server_said_or_by_how_it_fell_silent(error, kind):
    assert type(classified(error)) is kind


def test_what_the_server_said_before_it_hung_up_counts_more_than_the_cut():
    error = classified(InterfaceError("server socket closed"), answer("57014", "canceled"))

    assert type(error) is TimeLimitError
    assert str(error) == "Redshift answered: canceled (SQLSTATE 57014)"


@pytest.mark.parametrize(
    "error",
    [
        answer("22P02", 'invalid input syntax for integer: "s3cret"'),
        answer("22ZZZ", "never heard of s3cret"),
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
    ],
)
def test_a_value_that_does_not_fit_is_told_in_words(state, words):
    assert str(classified(answer(state))) == f"Redshift answered: {words} (SQLSTATE {state})"


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
