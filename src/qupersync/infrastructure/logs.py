"""Log records as JSON lines for machines or as lines for people, never with a secret."""

import json
import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TextIO
from uuid import UUID

from qupersync.infrastructure.redaction import Redactor, short

LogFormat = Literal["auto", "json", "text"]
# At lower levels these write statements, parameters and credentials.
DRIVERS = ("alembic", "boto3", "botocore", "psycopg", "redshift_connector", "sqlglot", "urllib3")


def configure(
    *,
    format: LogFormat,  # noqa: A002 - the word of QUPERSYNC_LOG_FORMAT
    level: str,
    secrets: Collection[str],
    stream: TextIO,
    is_terminal: bool,
) -> None:
    """Send every log record and every Python warning to ``stream``, one line each.

    ``auto`` writes people's lines on a terminal and JSON lines elsewhere. Known secrets and
    passwords in connection strings are masked in messages, tracebacks and all fields but
    ``IDENTIFIERS``, and none of these is longer than ``MAX_CHARS``. A stream that nobody reads any
    more stops no program. Calling it again replaces the set-up.
    """
    for_people = format == "text" or (format == "auto" and is_terminal)
    handler = _Lines(stream, Redactor(secrets), for_people=for_people)
    root = logging.getLogger()
    root.handlers = [old for old in root.handlers if not isinstance(old, _Lines)] + [handler]
    root.setLevel(level.upper())
    for driver in DRIVERS:
        logging.getLogger(driver).setLevel(max(root.level, logging.WARNING))
    # It warns of an error that it ignored, on each Ctrl-C; what counts it raises.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.captureWarnings(True)  # noqa: FBT003 - the standard library's own signature


@contextmanager
def in_pass(correlation_id: UUID) -> Iterator[None]:
    """Add the id of the pass to each record inside the block, whichever thread writes it."""

    def add(record: logging.LogRecord) -> bool:
        record.__dict__.setdefault("correlation_id", correlation_id)
        return True

    lines = [handler for handler in logging.getLogger().handlers if isinstance(handler, _Lines)]
    for handler in lines:
        handler.addFilter(add)
    try:
        yield
    finally:
        for handler in lines:
            handler.removeFilter(add)


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines for as long as anybody reads them."""

    def __init__(self, stream: TextIO, redact: Redactor, *, for_people: bool) -> None:
        super().__init__(stream)
        self._redact, self._for_people = redact, for_people

    def format(self, record: logging.LogRecord) -> str:
        """Make the line, and what makes lines with the first one."""
        if self.formatter is None:
            try:
                from qupersync.infrastructure.log_lines import formatter  # noqa: PLC0415
            except (ImportError, OSError):  # no file can be opened: that may be what it is about
                return self._bare(record)
            self.formatter = formatter(self._redact, for_people=self._for_people)
        return self.formatter.format(record)

    def _bare(self, record: logging.LogRecord) -> str:
        texts = {"event": record.getMessage(), "error": str(record.__dict__.get("error", ""))}
        clean = {name: short(self._redact(text)) for name, text in texts.items()}
        return json.dumps(clean | {"level": record.levelname.lower(), "logger": record.name})

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say that a record could not be written, without its values; a lost reader is nothing."""
        reason = type(sys.exception()).__name__
        with suppress(OSError, ValueError):
            self.stream.write(f"lost a log record of {record.name}: {reason}\n")
