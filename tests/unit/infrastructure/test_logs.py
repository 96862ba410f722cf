"""Logs: one line a record, no secret in any of them, and no trouble from a lost reader."""

import io
import json
import logging
import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qupersync.infrastructure.logs import DRIVERS, configure
from qupersync.infrastructure.redaction import MAX_CHARS, Redactor

CANARY = 'canary-"pa ss\\wörd/'
ROOT = logging.getLogger()
logger = logging.getLogger("qupersync.test")


def is_pytests(handler):
    return type(handler).__module__.startswith("_pytest")


@pytest.fixture
def stream():
    levels = {name: logging.getLogger(name).level for name in ("", *DRIVERS)}
    yield io.StringIO()
    logging.captureWarnings(False)  # noqa: FBT003
    ROOT.handlers = [handler for handler in ROOT.handlers if is_pytests(handler)]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def set_up(stream):
    def start(**changes):
        ROOT.handlers = [handler for handler in ROOT.handlers if not is_pytests(handler)]
        usual = {
            "format": "auto",
            "level": "info",
            "secrets": {CANARY},
            "stream": stream,
            "is_terminal": False,
        }
        configure(**usual | changes)
        return stream

    return start


def failed(text):
    logger.error("batch failed", exc_info=RuntimeError(text))


def test_elsewhere_a_record_is_one_line_of_json(set_up):
    stream = set_up()

    logger.info("batch %s", "stored", extra={"job": "events", "rows": 5, "share": 0.5})

    record = json.loads(stream.getvalue())
    moment = datetime.fromisoformat(record.pop("timestamp"))
    assert moment.tzinfo == UTC
    assert record == {
        "event": "batch stored",
        "level": "info",
        "logger": "qupersync.test",
        "job": "events",
        "rows": 5,
        "share": 0.5,
    }


def test_values_of_any_kind_are_written(set_up):
    stream = set_up()
    values = {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=1), "jobs": ("a", None)}

    logger.info("run", extra={"values": values})

    assert json.loads(stream.getvalue())["values"] == {
        "at": "2026-01-02T00:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000001",
        "jobs": ["a", None],
    }


@pytest.mark.parametrize(
    ("changes", "is_json"),
    [
        ({"is_terminal": True}, False),
        ({"is_terminal": True, "format": "json"}, True),
        ({"format": "text"}, False),
    ],
)
def test_people_get_lines_of_their_own(set_up, changes, is_json):
    stream = set_up(**changes)

    logger.info("batch stored", extra={"job": "events"})

    assert stream.getvalue().startswith("{") is is_json
    assert is_json or "batch stored" in stream.getvalue()
    assert is_json or "job=events" in stream.getvalue()


def test_a_level_hides_what_is_below_it(set_up):
    stream = set_up(level="warning")

    logger.info("hidden")
    logger.warning("shown")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["shown"]


@pytest.mark.parametrize("name", DRIVERS)
def test_drivers_never_talk_below_warning(set_up, name):
    set_up(level="debug")

    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_a_driver_is_as_quiet_as_the_rest(set_up):
    set_up(level="error")

    assert not logging.getLogger("psycopg").isEnabledFor(logging.WARNING)


def test_what_psycopg_ignores_is_not_told(set_up):
    stream = set_up(level="debug")

    logging.getLogger("psycopg").warning("error ignored terminating a pipeline")
    logging.getLogger("psycopg").error("it counts")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["it counts"]


def test_a_short_secret_is_masked_in_free_text_but_not_in_identifiers(set_up):
    stream = set_up(secrets={"e"})

    logger.error("ten", extra={"job": "events", "error": "refused", "next": "repeat", "at": None})

    record = json.loads(stream.getvalue())
    assert (record["level"], record["logger"], record["job"]) == (
        "error", "qupersync.test", "events",
    )  # fmt: skip
    assert (record["event"], record["error"], record["next"]) == (
        "t***n", "r***fus***d", "r***p***at",
    )  # fmt: skip


@pytest.mark.parametrize("shape", ["json", "text"])
def test_no_secret_passes_by_any_way(set_up, shape):
    stream = set_up(format=shape)

    logger.info("login %s", CANARY, extra={"dsn": f"host=x password={CANARY}", "id": CANARY})
    logger.info("%r", {"key": [CANARY]}, extra={"deep": {CANARY: (CANARY, {CANARY})}})
    failed(f"refused {CANARY!r}")
    failed(f"refused {json.dumps(CANARY)} by postgresql://u:other-canary@h/db")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"old {CANARY}", UserWarning, stacklevel=1)

    assert stream.getvalue().count("***") >= 9
    assert "UserWarning: old ***" in stream.getvalue()
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("host=h password=s3 dbname=d", "host=h password=*** dbname=d"),
        (r"password='it\'s 1' port=1", "password=*** port=1"),
        ("?user=u&PASSWORD=s3&x=1", "?user=u&PASSWORD=***&x=1"),
        ("{'password': 's3', 'x': 1}", "{'password': ***, 'x': 1}"),
        ("postgresql://u:p@ss@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("http://h:80/a?b=c@d", "http://h:80/a?b=c@d"),
        ("key AKIAABCDEFGHIJKLMNOP.", "key ***."),
        ("password authentication failed", "password authentication failed"),
    ],
)
def test_what_looks_like_a_password_is_masked(text, redacted):
    assert Redactor([])(text) == redacted


@given(st.text(st.characters(exclude_characters="*", codec="utf-8"), min_size=1), st.text())
def test_a_known_secret_is_masked_in_every_spelling(secret, around):
    text = f"{around}{secret} {json.dumps(secret)[1:-1]} {repr(secret)[1:-1]} {quote(secret)}"
    redacted = Redactor([secret])(text)

    assert secret not in redacted
    assert redacted.endswith("*** *** *** ***") or " " in secret


def test_the_longer_secret_is_masked_whole():
    assert Redactor(["abc", "abcdef"])("x abcdef abc") == "x *** ***"


def test_a_record_stays_one_line_for_people(set_up):
    stream = set_up(format="text")

    logger.info("one\r\n2026 [info] forged \x1b[2J\u2028", extra={"job": "a\nb\x07"})

    assert stream.getvalue().count("\n") == 1
    assert "one\\r\\n2026 [info] forged \\x1b[2J\\u2028" in stream.getvalue()
    assert "\x07" not in stream.getvalue()


def test_a_traceback_cannot_forge_a_record(set_up):
    stream = set_up(format="text")

    failed("one\n2026 [info] forged \x1b[2J")

    lines = stream.getvalue().splitlines()
    assert "    2026 [info] forged \\x1b[2J" in lines
    assert "    RuntimeError: one" in lines


def test_a_second_set_up_replaces_the_first(set_up):
    stream = set_up()
    set_up()

    logger.info("once")

    assert stream.getvalue().count("once") == 1


def test_a_record_that_cannot_be_written_is_told_without_its_values(set_up):
    stream = set_up()

    logger.info("%d rows", CANARY)

    assert stream.getvalue() == "lost a log record of qupersync.test: TypeError\n"


def test_a_closed_stream_stops_nothing(set_up):
    stream = set_up()
    stream.close()

    logger.info("nobody reads this")

    assert stream.closed


def test_a_reader_that_leaves_stops_nothing():
    program = """if True:
        import logging, sys
        from qupersync.infrastructure.logs import configure

        configure(format="json", level="info", secrets=(), stream=sys.stderr, is_terminal=False)
        for number in range(1000):
            logging.info("record", extra={"number": number})
        print("done")
    """
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=writer, check=False
    )
    os.close(writer)

    assert (ended.returncode, ended.stdout) == (0, b"done\n")


def test_the_first_record_is_written_where_no_file_can_be_opened_any_more():
    program = """if True:
        import logging, resource, sys
        from qupersync.infrastructure.logs import configure

        configure(
            format="json", level="info", secrets=["hush"], stream=sys.stderr, is_terminal=False
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        logging.error("run failed", extra={"error": "too many files of hush" + "!" * 20_000})
    """

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    line = json.loads(ended.stderr)
    assert (line["event"], line["level"], line["logger"]) == ("run failed", "error", "root")
    assert line["error"].startswith("too many files of ***!")
    assert len(line["error"]) < MAX_CHARS + 50


def test_a_secret_that_is_no_utf8_is_masked():
    assert Redactor(["a\udcffb"])("it is a\udcffb") == "it is ***"
