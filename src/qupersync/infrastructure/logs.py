"""Log records as JSON lines for machines or as lines for people, never with a secret."""

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Literal, TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from qupersync.infrastructure.redaction import Redactor

LogFormat = Literal["auto", "json", "text"]
# At lower levels these write statements, parameters and credentials.
DRIVERS = ("alembic", "boto3", "botocore", "psycopg", "redshift_connector", "sqlglot", "urllib3")

# Of a text that a server sends; a line longer than 16 KiB is cut in two by Docker.
MAX_CHARS = 10_000
# Written by QuperSync in a form of its own: a short password must not eat letters of them.
IDENTIFIERS = frozenset(
    {
        "correlation_id", "error_code", "host", "job", "level", "logger", "run_id", "source",
        "started_at", "completed_at", "status", "timestamp", "trigger", "version",
        "watermark_after", "watermark_before", "window_high", "window_low",
    }
)  # fmt: skip


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
    handler = _Lines(stream)
    handler.setFormatter(_formatter(Redactor(secrets), for_people=for_people))
    root = logging.getLogger()
    root.handlers = [old for old in root.handlers if not isinstance(old, _Lines)] + [handler]
    root.setLevel(level.upper())
    for driver in DRIVERS:
        logging.getLogger(driver).setLevel(max(root.level, logging.WARNING))
    # It warns of an error that it ignored, on each Ctrl-C; what counts it raises.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.captureWarnings(True)  # noqa: FBT003 - the standard library's own signature


def _formatter(redact: Redactor, *, for_people: bool) -> logging.Formatter:
    ending: list[Processor] = (
        [_escaped, structlog.dev.ConsoleRenderer(colors=False)]
        if for_people
        else [structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _Redaction(redact),
            *ending,
        ],
    )


class _Redaction:
    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            name: _plain(value) if name in IDENTIFIERS else self._clean(value)
            for name, value in event.items()
        }

    def _clean(self, value: object) -> object:
        if isinstance(value, dict):
            return {self._redact(str(name)): self._clean(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(inner) for inner in value]
        plain = _plain(value)
        return _short(self._redact(plain)) if isinstance(plain, str) else plain


def _plain(value: object) -> str | float | None:
    if value is None or isinstance(value, int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _short(text: str) -> str:
    more = len(text) - MAX_CHARS
    return text if more <= 0 else f"{text[:MAX_CHARS]}... ({more} characters more)"


def _escaped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep one record one line, so that no value can forge another record or move the cursor."""
    exception = event.pop("exception", "")
    lines = {n: _visible(v) if isinstance(v, str) else v for n, v in event.items()}
    if exception:  # indented: a line of it cannot pass for a record either
        lines["exception"] = "\n".join(f"    {_visible(line)}" for line in exception.split("\n"))
    return lines


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say that a record could not be written, without its values; a lost reader is nothing."""
        reason = type(sys.exception()).__name__
        with suppress(OSError, ValueError):
            self.stream.write(f"lost a log record of {record.name}: {reason}\n")
