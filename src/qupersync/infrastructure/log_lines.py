"""What a log record becomes: one line of JSON or for people, without a secret.

Apart from ``logs`` because structlog takes 40 ms to import (with rich and attrs), and a run that
has nothing to say logs nothing.
"""

import logging
from datetime import datetime

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from qupersync.infrastructure.redaction import Redactor, short

# Written by QuperSync in a form of its own: a short password must not eat letters of them.
IDENTIFIERS = frozenset(
    {
        "correlation_id", "error_code", "host", "job", "level", "logger", "run_id", "source",
        "started_at", "completed_at", "status", "timestamp", "trigger", "version",
        "watermark_after", "watermark_before", "window_high", "window_low",
    }
)  # fmt: skip


def formatter(redact: Redactor, *, for_people: bool) -> logging.Formatter:
    """Return what makes records lines, as ``logs.configure`` promises."""
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
        return short(self._redact(plain)) if isinstance(plain, str) else plain


def _plain(value: object) -> str | float | None:
    if value is None or isinstance(value, int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _escaped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep one record one line, so that no value can forge another record or move the cursor."""
    exception = event.pop("exception", "")
    lines = {n: _visible(v) if isinstance(v, str) else v for n, v in event.items()}
    if exception:  # indented: a line of it cannot pass for a record either
        lines["exception"] = "\n".join(f"    {_visible(line)}" for line in exception.split("\n"))
    return lines


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
